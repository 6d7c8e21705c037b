import { P2psyncError } from '../model/errors.ts'
import type { DeviceId } from '../model/device-id.ts'
import type { Clock } from '../ports/clock.ts'

/**
 * Asks one device after the other: the next one as soon as one fails, or has not answered within `patienceMs` while it
 * is still waited for. Resolves to the first answer.
 *
 * @throws the last failure when all have failed, `peer-gone` when there was nobody to ask.
 */
export async function firstAnswer<Answer>(
  devices: Iterable<DeviceId>,
  options: {
    readonly ask: (device: DeviceId) => Promise<Answer>
    readonly patienceMs: number
    readonly clock: Pick<Clock, 'sleep'>
  },
): Promise<Answer> {
  const { ask, patienceMs, clock } = options
  const asked = new Set<Promise<Outcome<Answer>>>()
  const settled = new AbortController()
  let failure: unknown = new P2psyncError('peer-gone', 'no connected device has this file')
  const next = async (patience: Promise<null>): Promise<Outcome<Answer> | null> => {
    const first = await Promise.race([...asked, patience])
    if (first !== null) asked.delete(first.asked)
    if (first?.type === 'failed') failure = first.error
    return first
  }
  try {
    for (const device of devices) {
      asked.add(outcomeOf(ask(device)))
      const patience = clock.sleep(patienceMs, settled.signal).then(
        () => null,
        () => null,
      )
      const first = await next(patience)
      if (first?.type === 'answered') return first.answer
    }
    while (asked.size > 0) {
      const first = await next(new Promise(() => undefined))
      if (first?.type === 'answered') return first.answer
    }
    throw failure
  } finally {
    settled.abort()
  }
}

type Outcome<Answer> = { readonly asked: Promise<Outcome<Answer>> } & (
  | { readonly type: 'answered'; readonly answer: Answer }
  | { readonly type: 'failed'; readonly error: unknown }
)

function outcomeOf<Answer>(answer: Promise<Answer>): Promise<Outcome<Answer>> {
  const asked: Promise<Outcome<Answer>> = answer.then(
    (value) => ({ type: 'answered', answer: value, asked }),
    (error: unknown) => ({ type: 'failed', error, asked }),
  )
  return asked
}
