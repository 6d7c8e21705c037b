import { tmpdir } from 'node:os'
import process from 'node:process'
import { defaultRescanIntervalMs } from './model/rescan-interval.ts'
import { defaultDeviceName } from './node/device-name.ts'
import { loadOrCreateDeviceIdentity } from './node/device-identity.ts'
import { DeviceNode } from './node/device-node.ts'
import { prepareHome } from './node/home.ts'
import { Libp2pTransport } from './node/libp2p-transport.ts'
import type { FolderAdded, NodeStartOptions, RunningNode } from './node/node-api.ts'
import { rememberedAddresses } from './node/remembered-addresses.ts'
import { sameHostFolder } from './node/same-host.ts'
import { SettingsFile } from './node/settings-file.ts'
import { systemClock } from './node/system-clock.ts'
import { systemRandom } from './node/system-random.ts'
import { version } from './model/version.ts'
import { ScheduledLimits } from './transfer/scheduled-limits.ts'
import { NodeDisk } from './disk/node-disk.ts'
import { readQueuedEventsMax } from './watcher/queued-events-max.ts'
import { WorkerFolderWatcher } from './watcher/worker-folder-watcher.ts'
import { FileWorkerPool } from './workers/file-worker-pool.ts'
import { IdleMemory } from './workers/idle-memory.ts'
import { WorkerFileTasks } from './workers/worker-file-tasks.ts'

export type {
  AddFolderRequest,
  FolderAdded,
  FolderStatus,
  HeldDecision,
  LimitChange,
  LimitsStatus,
  NodeApi,
  NodeEvent,
  NodeInfo,
  NodeStartOptions,
  PausedPeer,
  PeerStatus,
  RunningNode,
} from './node/node-api.ts'
export type { GuardLimits, HeldChanges } from './model/guard-limits.ts'
export type { ScrubAction, ScrubStatus } from './model/scrub-status.ts'
export { P2psyncError } from './model/errors.ts'

/**
 * Starts this device's node with real parts. The caller has made sure that no other node uses the same home.
 *
 * @throws {P2psyncError} when the network or one of the folders that were asked for cannot be started; whatever had
 * been opened is closed again. Folders of earlier runs that cannot be started are told as warnings instead.
 */
export async function startNode(options: NodeStartOptions): Promise<RunningNode> {
  const { logger } = options
  const home = await prepareHome(options.home)
  const settings = await SettingsFile.open(home)
  const identity = await loadOrCreateDeviceIdentity(home.deviceKeyFile)
  const deviceName = options.name ?? settings.current.name ?? defaultDeviceName()
  const rescanIntervalMs = options.rescanIntervalMs ?? settings.current.rescanIntervalMs
  await settings.update((old) => ({
    ...old,
    name: deviceName,
    rescanIntervalMs,
    limits: { ...old.limits, ...options.limits },
  }))
  const clock = systemClock
  const random = systemRandom
  const transport = new Libp2pTransport({
    privateKey: identity.privateKey,
    listen: options.listen ?? [],
    preferredPort: settings.current.port ?? 0,
    staticPeers: options.peers,
    mdns: options.mdns,
    sameHostFolder: sameHostFolder({
      runtimeFolder: process.env['XDG_RUNTIME_DIR'],
      temporaryFolder: tmpdir(),
      userId: process.getuid?.() ?? 0,
    }),
    knownAddresses: rememberedAddresses(settings),
    isPaused: (device) => settings.current.pausedPeers.some((peer) => peer.device === device),
    clock,
    random,
    logger,
  })
  const pool = new FileWorkerPool()
  const memory = new IdleMemory({ clock, pool })
  const limits = new ScheduledLimits({ clock }, settings.current.limits)
  const queuedEventsMax = readQueuedEventsMax(new NodeDisk())
  const node = new DeviceNode({
    home,
    settings,
    identity,
    deviceName,
    version,
    pid: process.pid,
    transport,
    clock,
    random,
    logger,
    openTasks: (root) => new WorkerFileTasks({ pool, root }),
    newWatcher: () => new WorkerFolderWatcher({ queuedEventsMax }),
    rescanIntervalMs: rescanIntervalMs ?? defaultRescanIntervalMs,
    limits,
    onStopped: async () => {
      await memory.stop()
      await pool.stop()
    },
  })
  // Whoever awaits `done` is told; a node that failed before that was told by `startNode`.
  node.done.catch(() => undefined)
  try {
    await pool.start()
    memory.start()
    await node.start()
    const started: FolderAdded[] = []
    const remembered = settings.current.folders
    for (const folder of options.folders) started.push(await node.addFolder(folder))
    for (const folder of remembered) await node.resumeFolder(folder)
    return { api: node, started, done: node.done }
  } catch (error) {
    await node.stop()
    throw error
  }
}
