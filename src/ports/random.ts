export interface Random {
  /** Unpredictable bytes in a fresh array. */
  bytes(length: number): Uint8Array
  /** A number in [0, 1), for jitter. */
  fraction(): number
}
