import { hasMulticastRoute } from '../node/mdns.ts'
import type { Findings } from './finding.ts'
import type { Host } from './host.ts'

/** Of `engines` in package.json. */
const nodeWanted = [22, 22] as const
/** This program was not yet made then: a clock that says so is wrong. */
const madeMs = Date.UTC(2026, 0, 1)
const clockSlackMs = 2 * 60_000
/** One each for a watched folder, and those that other programs have. */
const instancesMin = 32

/** Whether Node.js is one that the program was made for. */
export function checkNodeVersion(host: Host, findings: Findings): void {
  const [major = 0, minor = 0] = host.nodeVersion.replace(/^v/, '').split('.').map(Number)
  const isEnough = major > nodeWanted[0] || (major === nodeWanted[0] && minor >= nodeWanted[1])
  if (isEnough) findings.ok('node-version', `Node.js ${host.nodeVersion}`)
  else {
    const message = `Node.js ${host.nodeVersion} is older than ${nodeWanted.join('.')}`
    findings.problem('node-version', { message, hint: `Install Node.js ${nodeWanted.join('.')} or newer.` })
  }
}

/** Whether mDNS questions can leave this computer, so that devices of the network find each other. */
export async function checkMulticastRoute(host: Host, findings: Findings): Promise<void> {
  const check = 'mdns-route'
  if (!host.hasNetwork()) {
    const message = 'this computer has no network address: no other device can be reached'
    return findings.warning(check, { message, hint: 'Connect it to a network.' })
  }
  const table = await host.readText('/proc/net/route')
  if (table === null) return findings.ok(check, 'the routes of this system cannot be read; none is known to be missing')
  if (hasMulticastRoute(table)) return findings.ok(check, 'there is a route for multicast (224.0.0.0/4)')
  findings.problem(check, {
    message: 'there is no route for multicast (224.0.0.0/4): devices of this network are not found',
    hint: 'Add one: sudo ip route add 224.0.0.0/4 dev <interface>. Or name a device: p2psync start --peer <multiaddr>.',
  })
}

/** The limits of inotify, against `folderCount` folders that are to be watched. */
export async function checkInotify(host: Host, findings: Findings, folderCount: number): Promise<void> {
  const watches = await lowest(host, ['fs/inotify/max_user_watches', 'user/max_inotify_watches'])
  const instances = await lowest(host, ['fs/inotify/max_user_instances', 'user/max_inotify_instances'])
  if (watches === null || instances === null) return findings.ok('inotify', 'this system has no limits of inotify')
  if (instances.value < instancesMin) {
    findings.warning('inotify', {
      message: `only ${instances.value} programs and folders of this user can watch at once (${instances.name})`,
      hint: raise(instances.name, 1024),
    })
  }
  const told = `${folderCount === 1 ? '1 folder' : `${folderCount} folders`} to watch, the limit is ${watches.value} (${watches.name})`
  const hint = raise(watches.name, Math.max(1_048_576, 2 * folderCount))
  if (folderCount > watches.value) {
    findings.problem('inotify', { message: `${told}: changes are found late, by scanning`, hint })
  } else if (folderCount > watches.value * 0.75) {
    findings.warning('inotify', { message: `${told}: little is left, and other programs share it`, hint })
  } else findings.ok('inotify', told)
}

/** The clock against `latestMs`, the newest time that it has given to our own files. Both are of this computer. */
export function checkClock(host: Host, findings: Findings, latestMs: number): void {
  const hint = 'Set the clock of this computer, for example: sudo timedatectl set-ntp true.'
  const now = host.now()
  const clock = new Date(now).toISOString()
  if (now < madeMs) return findings.problem('clock', { message: `the clock says ${clock}: that is in the past`, hint })
  if (latestMs > now + clockSlackMs) {
    const message = `the clock says ${clock}, and was at ${new Date(latestMs).toISOString()} before`
    return findings.warning('clock', { message, hint })
  }
  findings.ok('clock', `the clock says ${clock}`)
}

async function lowest(host: Host, names: readonly string[]): Promise<{ name: string; value: number } | null> {
  const found: { name: string; value: number }[] = []
  for (const name of names) {
    const value = Number((await host.readText(`/proc/sys/${name}`)) ?? Number.NaN)
    if (Number.isSafeInteger(value)) found.push({ name: name.replaceAll('/', '.'), value })
  }
  return found.sort((a, b) => a.value - b.value)[0] ?? null
}

function raise(setting: string, value: number): string {
  return `Raise the limit: sudo sysctl ${setting}=${value}.`
}
