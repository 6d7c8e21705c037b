import { renameSync, writeFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { isMainThread } from 'node:worker_threads'

// Loaded into a node by NODE_OPTIONS=--import: how late its event loop was. At each SIGUSR2 it writes what it saw since the
// last one to LOOP_DELAY_FILE.1, .2, ... as JSON, in milliseconds, and starts anew.
const file = process.env['LOOP_DELAY_FILE']
if (isMainThread && file !== undefined) {
  const resolutionMs = 10
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs })
  // What is measured is the time between two ticks of a timer: a loop that is never late shows the timer's own interval.
  const late = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - resolutionMs)
  let count = 0
  process.on('SIGUSR2', () => {
    const name = `${file}.${++count}`
    const seen = {
      p50: late(histogram.percentile(50)),
      p99: late(histogram.percentile(99)),
      max: late(histogram.max),
      ticks: histogram.count,
    }
    writeFileSync(`${name}.part`, JSON.stringify(seen))
    renameSync(`${name}.part`, name)
    histogram.reset()
  })
  histogram.enable()
}
