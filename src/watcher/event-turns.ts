/**
 * Notices that inotify's queue may have overflowed, which Node passes over in silence. The loop drains the whole queue in one
 * turn, so that a turn with half as many events as the queue can hold is taken for an overflow; others may have been dropped
 * unseen because their watch was closed. A false alarm costs a scan.
 */
export class EventTurns {
  readonly #queuedEventsMax: number
  readonly #onOverflow: () => void
  #eventsInTurn = 0

  /** `queuedEventsMax`: how many events the kernel keeps for a reader that is busy; what comes then is lost. */
  constructor(options: { readonly queuedEventsMax: number; readonly onOverflow: () => void }) {
    this.#queuedEventsMax = options.queuedEventsMax
    this.#onOverflow = options.onOverflow
  }

  /** One event of the kernel, whatever it says. */
  count(): void {
    if (this.#eventsInTurn++ === 0) setImmediate(() => this.#endTurn())
  }

  #endTurn(): void {
    const overflowed = this.#eventsInTurn >= this.#queuedEventsMax / 2
    this.#eventsInTurn = 0
    if (overflowed) this.#onOverflow()
  }
}
