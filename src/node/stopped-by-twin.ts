import type { Refusal } from './handshakes.ts'
import type { Home } from './home.ts'
import type { FolderStatus } from './node-api.ts'

/** What is shown of every folder while another process has the key of this device: its state was copied. */
export function stoppedByTwin(twin: Refusal, home: Home): Pick<FolderStatus, 'state' | 'reason' | 'hint'> {
  return {
    state: 'stopped',
    reason: `another p2psync has the key of this device and answers at ${twin.address}: one state directory was copied to the other`,
    hint: `Both have stopped syncing. Stop one of them, remove ${home.deviceKeyFile} there, and start both again: it is a device of its own then.`,
  }
}
