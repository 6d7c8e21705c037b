// What the process that networks runs with. Plain JavaScript, for cli/bin.js has to run on every Node.
// Measured by `npm run bench:transport` and `python3 bench/report.py`; docs/decisions/0005 and 0012 have the reasons.

export const networkFlags = [
  // A young generation that fits the processor's caches: each 64 KiB message of the encryption leaves some garbage, and with
  // Node's own 16 MiB that streams through the memory instead. Two thirds more throughput.
  '--max-semi-space-size=1',
  // The old generation is collected when it is two and a half times what was in use, instead of four times: with many small
  // files a third less memory at the peak, for no time that could be measured. Less than that costs time with large ones.
  '--heap-growing-percent=150',
  // A node that has come to rest collects once and gives memory back.
  '--expose-gc',
]

// For the C library of Linux: buffers from this size on go back to the system when they are freed. By default it learns
// from large ones to keep ever larger ones, up to 32 MiB. At 16 KiB each read of a socket would be a mapping of its own:
// half the throughput.
export const mallocSettings = { MALLOC_MMAP_THRESHOLD_: '131072' }
