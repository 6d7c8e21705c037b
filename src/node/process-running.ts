import { systemCode } from '../model/errors.ts'

/** Whether a process of this number runs. One that belongs to somebody else does, too. */
export function isProcessRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return systemCode(error) === 'EPERM'
  }
}
