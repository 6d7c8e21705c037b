import type { DeviceId } from '../model/device-id.ts'
import type { FolderOrder } from '../model/folder-order.ts'
import type { GuardLimits, HeldChanges } from '../model/guard-limits.ts'
import type { RescanIntervalMs } from '../model/rescan-interval.ts'
import type { ScrubAction, ScrubStatus } from '../model/scrub-status.ts'
import type { Logger } from '../ports/logger.ts'
import type { LimitChoice } from '../transfer/scheduled-limits.ts'
import type { RateLimits } from '../transfer/limit-timetable.ts'

/**
 * What a running node offers to whoever controls it: the command line by way of the control socket, or a program that
 * embeds the node. Paths are absolute. Everything a peer said (names, paths) is unescaped here.
 */
export interface NodeApi {
  info(): NodeInfo
  /** In the order in which the folders were started. */
  status(): Promise<readonly FolderStatus[]>
  /** Devices connected now, then devices known or refused, each once. */
  peers(): Promise<readonly PeerStatus[]>
  /**
   * Starts to sync a folder and remembers it; a folder that already runs is left as it is.
   *
   * @throws {P2psyncError} `bad-key`, `wrong-key`, `folder-missing`, `folder-unreadable`, `folder-nested`,
   * `folder-busy`, `folder-conflict`.
   */
  addFolder(request: AddFolderRequest): Promise<FolderAdded>
  /** Stops syncing a folder and forgets it; its files stay. @throws {P2psyncError} `folder-unknown`. */
  removeFolder(path: string): Promise<void>
  /**
   * Closes a folder but for its place among the others, or goes on with it; remembered. Nothing is scanned, sent, received
   * or applied meanwhile. @throws {P2psyncError} `folder-unknown`.
   */
  setFolderPaused(path: string, paused: boolean): Promise<void>
  /**
   * Ends the connections with a device and lets it be, or takes it up again; remembered.
   *
   * @param peer its id, or its name when only one device is called so.
   * @throws {P2psyncError} `peer-unknown`.
   */
  setPeerPaused(peer: string, paused: boolean): Promise<PausedPeer>
  /**
   * Decides about the changes that a folder holds; returns those.
   *
   * @throws {P2psyncError} `folder-unknown`, `usage` when nothing is held or the folder is paused.
   */
  decideHeld(path: string, decision: HeldDecision): Promise<readonly HeldChanges[]>
  /** From how many removals and rewrites on a folder holds them; remembered. @throws {P2psyncError} `folder-unknown`. */
  setGuard(path: string, limits: GuardLimits): Promise<void>
  /**
   * Begins to read all files of a folder again, to find what is damaged, ends that, or says how often it
   * is to begin by itself; returns how far it is.
   *
   * @throws {P2psyncError} `folder-unknown`, `usage` while the folder is paused.
   */
  scrub(path: string, action: ScrubAction): Promise<ScrubStatus>
  limits(): Promise<LimitsStatus>
  /** Changes limits at once, and remembers them. @throws {P2psyncError} `usage` for a schedule that cannot be read. */
  setLimits(change: LimitChange): Promise<LimitsStatus>
  /** The text of a folder's key. @throws {P2psyncError} `folder-unknown`. */
  folderKey(path: string): Promise<string>
  /** Calls `listener` with each event until the returned function is called. `listener` must not throw or block. */
  subscribe(listener: (event: NodeEvent) => void): () => void
  /** Resolves when everything is on disk and closed. Calling it again waits for the same end. */
  stop(): Promise<void>
}

/** What `startNode` takes. */
export interface NodeStartOptions {
  /** The state directory, absolute; it exists, and the caller has taken its control socket. */
  readonly home: string
  /** Null for the remembered name, or this computer's. */
  readonly name: string | null
  /** Multiaddrs; null for the remembered port, or any, on all interfaces. */
  readonly listen: readonly string[] | null
  /** Multiaddrs that are dialled and kept dialled. */
  readonly peers: readonly string[]
  readonly mdns: boolean
  /** How often folders are scanned as a whole; null for the remembered interval, or half an hour. */
  readonly rescanIntervalMs: RescanIntervalMs | null
  /** Of the limits that are remembered, what is to be changed. */
  readonly limits: LimitChange
  readonly logger: Logger
  /** To be started besides the remembered ones. */
  readonly folders: readonly AddFolderRequest[]
}

export interface RunningNode {
  readonly api: NodeApi
  /** What became of `folders`, in their order, without the remembered ones. */
  readonly started: readonly FolderAdded[]
  /** Resolves when the node has stopped, for whatever reason; rejects when it failed. */
  readonly done: Promise<void>
}

export interface NodeInfo {
  readonly device: DeviceId
  readonly name: string
  readonly version: string
  readonly pid: number
  /** Milliseconds since 1970. */
  readonly started: number
  readonly home: string
  /** Multiaddrs that other devices can dial. */
  readonly addresses: readonly string[]
}

export interface AddFolderRequest {
  readonly path: string
  /** The text of the folder's key; null for the stored one, or a new one for a new folder. */
  readonly key: string | null
  /** The marker is gone although this is the right folder: the index is rebuilt and no deletion is published. */
  readonly relink: boolean
  /** What changes of the order in which files are fetched; the rest stays as it was. */
  readonly order?: Partial<FolderOrder>
}

/** `approve` lets the changes happen; `reject` brings the files back, here or on the device that has changed them. */
export type HeldDecision = 'approve' | 'reject'

/** What is absent stays as it is. */
export type LimitChange = Partial<LimitChoice>

export interface LimitsStatus {
  /** In bytes a second; null: no limit. */
  readonly now: RateLimits
  /** What holds when no line of the schedule does. */
  readonly otherwise: RateLimits
  readonly schedule: readonly string[]
  /** When the schedule changes `now`, as the clock on the wall shows it (`mon 18:00`); null: never. */
  readonly until: string | null
}

export interface PausedPeer {
  readonly device: DeviceId
  /** '' while unknown. */
  readonly name: string
}

export interface FolderAdded {
  readonly path: string
  /** The folder did not exist and was made. */
  readonly created: boolean
  readonly keyIsNew: boolean
  /** The key's text when it was made just now, else null. */
  readonly key: string | null
}

/**
 * `held`: removals or rewrites wait for a person, all else goes on. `waiting`: no peer is connected. `stopped`: see the
 * reason; nothing is applied or published. `paused`: by a person, and what is still needed is not known.
 */
export type FolderState = 'scanning' | 'syncing' | 'in-sync' | 'waiting' | 'stopped' | 'paused' | 'held'

export interface FolderStatus {
  readonly path: string
  /** The first 8 hex digits of the folder id. */
  readonly id: string
  readonly state: FolderState
  /** Why it is stopped and what to do; '' otherwise. */
  readonly reason: string
  readonly hint: string
  /** Something that a person should know although the folder is synced; '' when there is nothing. */
  readonly notice: string
  /** What is fetched before and after all else of its size, on this device. */
  readonly order: FolderOrder
  /** What this device holds. */
  readonly files: number
  readonly folders: number
  readonly links: number
  readonly bytes: number
  /** What this device still lacks. */
  readonly needed: Amount
  /** 0 to 100; 100 only when nothing is needed. */
  readonly percent: number
  /** Bytes received a second. */
  readonly ratePerSecond: number
  /** Null while it cannot be told. */
  readonly secondsLeft: number | null
  /** Conflicted copies that are in the folder. */
  readonly conflicts: number
  /** At most 100; `problemCount` is the true number. */
  readonly problems: readonly PathProblem[]
  readonly problemCount: number
  readonly lastChange: LastChange | null
  readonly peersConnected: number
  /** Not given while the folder is paused. */
  readonly scrub?: ScrubStatus
  /** Removals and rewrites that wait for a person, because they are many: at most one batch for each direction. */
  readonly held: readonly HeldChanges[]
  /** From how many on they wait. */
  readonly guard: GuardLimits
}

export interface Amount {
  readonly files: number
  readonly bytes: number
}

export interface PathProblem {
  readonly path: string
  readonly reason: string
}

export interface LastChange {
  readonly path: string
  readonly what: 'created' | 'changed' | 'deleted'
  /** The name of the device that made the change. */
  readonly device: string
  /** Milliseconds since 1970. */
  readonly at: number
}

/** How a connection came about: found by mDNS, on this host, by a given or remembered address, or they dialled us. */
export type PeerRoute = 'mdns' | 'same-host' | 'address' | 'inbound'

export interface PeerStatus {
  readonly device: DeviceId
  /** '' while unknown. */
  readonly name: string
  /** Milliseconds since 1970; null when not connected. */
  readonly connectedSince: number | null
  /** The multiaddr in use or tried last; '' when there is none. */
  readonly address: string
  readonly how: PeerRoute
  readonly folders: readonly PeerFolderStatus[]
  /** Bytes a second. */
  readonly receiveRate: number
  readonly sendRate: number
  /** Why the connection was refused, by them or by us; null when it was not. */
  readonly refused: string | null
  /** A person has paused it: there is no connection. */
  readonly paused: boolean
}

export interface PeerFolderStatus {
  readonly path: string
  readonly inSync: boolean
  /** Null while it is not known. */
  readonly neededByThem: Amount | null
  readonly neededByUs: Amount
}

/** `at` is in milliseconds since 1970. */
export type NodeEvent =
  /** A folder was added, changed its state, or made progress (then at most four times a second). */
  | { readonly type: 'folder'; readonly at: number; readonly folder: FolderStatus }
  | { readonly type: 'folder-removed'; readonly at: number; readonly path: string }
  | {
      readonly type: 'peer-connected'
      readonly at: number
      readonly device: DeviceId
      readonly name: string
      readonly address: string
      readonly how: PeerRoute
    }
  | { readonly type: 'peer-disconnected'; readonly at: number; readonly device: DeviceId; readonly name: string }
  | {
      readonly type: 'peer-refused'
      readonly at: number
      readonly device: DeviceId
      readonly name: string
      readonly address: string
      readonly reason: string
    }
  /** Something a person should know, such as a network without multicast. */
  | { readonly type: 'warning'; readonly at: number; readonly message: string; readonly hint: string }
  | { readonly type: 'stopping'; readonly at: number }
