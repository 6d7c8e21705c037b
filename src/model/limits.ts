/** Bounds that hold for every input, from a peer, a database or a disk. Sizes are in bytes, times in milliseconds. */

export const pathBytesMax = 4096
export const nameBytesMax = 255
export const linkTargetBytesMax = 4096
export const deviceNameBytesMax = 64
export const versionEntriesMax = 256
export const counterMax = 2 ** 48 - 1
export const fileSizeBytesMax = 2 ** 40
export const recordBytesMax = 24 * 1024

/** A file of at most this size is one block, and its content id is the hash of its bytes. */
export const singleBlockBytesMax = 64 * 1024
/** No block is larger, whatever the file. */
export const blockBytesMax = 4 * 1024 * 1024
/** A block list: 36 bytes a block. */
export const blockListBytesMax = 64 * 1024 * 1024

export const controlFrameBytesMax = 1024 * 1024
export const blockFrameBytesMax = 5 * 1024 * 1024
export const connectionsMax = 32
export const foldersMax = 64
