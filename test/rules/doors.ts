/** One door a package: where each may be imported. */
export const doors: readonly (readonly [packages: RegExp, places: readonly string[]])[] = [
  [/^chokidar$/, ['src/watcher/']],
  [/^(level|classic-level|memory-level|abstract-level)$/, ['src/file-index/']],
  [/^(libp2p|@libp2p\/.*|@multiformats\/.*|uint8arraylist)$/, ['src/node/']],
  [/^(@napi-rs\/blake-hash|hash-wasm)$/, ['src/blocks/hash.ts']],
  [/^pino$/, ['src/node/pino-logger.ts']],
  [/^env-paths$/, ['src/node/home.ts']],
  [/^@scure\/base$/, ['src/node/key-text.ts']],
  [/^(commander|pretty-bytes|pretty-ms|uqr)$/, ['cli/']],
  [/^picomatch$/, ['src/transfer/transfer-order.ts']],
  [/^tinyqueue$/, ['src/node/need-queue.ts']],
  [/^node:http$/, ['src/control/']],
  // The lock of a home is its socket, and the mDNS check asks for a route: both are the node's.
  // The doctor sees whether a port is free.
  [/^node:net$/, ['src/control/', 'src/node/', 'src/doctor/']],
  [/^node:worker_threads$/, ['src/workers/', 'src/watcher/', 'src/blocks/', 'src/manifest/']],
]

/** The synced folder is touched by the disk alone; these read and write the state directory, or look before the disk opens. */
export const filesThatUseTheFileSystem = [
  'src/disk/',
  'cli/',
  'src/node/home.ts',
  'src/node/private-file.ts',
  'src/node/device-identity.ts',
  'src/node/node-settings.ts',
  'src/node/folder-key-file.ts',
  'src/node/boot-notes.ts',
  'src/node/note-file.ts',
  'src/node/control-socket.ts',
  // The files by which nodes of one host find each other.
  'src/node/same-host.ts',
  // Reads the kernel's routing table.
  'src/node/mdns.ts',
  // Look at a folder before it is started: nothing of it is synced yet.
  'src/node/check-folder.ts',
  // Sets a damaged database aside; knows one by the files that are missing.
  'src/node/index-folder.ts',
  'src/file-index/level-store.ts',
  'src/node/open-folder.ts',
  // Looks at everything, and changes nothing.
  'src/doctor/',
  // Watches folders, and lists those that are new, where no other file of the room may.
  'src/watcher/watched-disk.ts',
]

/** What only its door may call, in `src/` and `cli/`. */
export const banned: readonly (readonly [names: RegExp, places: readonly string[]])[] = [
  [/^(Date\.now|performance\.now|process\.hrtime|new Date\(\))$/, ['src/node/system-clock.ts', 'src/workers/']],
  // Loops of worker threads give way to their messages, without a clock of ours; so does long work of the main thread.
  [
    /^(setTimeout|setInterval|setImmediate|node:timers.*)$/,
    [
      'src/model/next-turn.ts',
      'src/node/system-clock.ts',
      'src/watcher/',
      'src/workers/',
      'src/manifest/reader-worker.ts',
    ],
  ],
  [/^(Math\.random|crypto\.\w+|randomBytes|randomInt|randomUUID|randomFillSync)$/, ['src/node/system-random.ts']],
  [/^console(\.\w+)?$/, ['cli/']],
]
