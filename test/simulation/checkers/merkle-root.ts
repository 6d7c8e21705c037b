import { FolderIndex } from '../../../src/file-index/folder-index.ts'
import { deviceTagOf } from '../../../src/node/device-identity.ts'
import { OrderedStore } from '../../twins/ordered-store.ts'
import { SeededRandom } from '../../twins/seeded-random.ts'
import type { CheckedRun } from './checked-run.ts'

/** The root and the counts of each index are those of an index that is made anew of its rows. */
export async function merkleRoot({ world }: CheckedRun): Promise<string[]> {
  const problems: string[] = []
  for (const { name, id, replica } of world.devices) {
    const made = await FolderIndex.open(new OrderedStore(), { deviceTag: deviceTagOf(id), random: new SeededRandom(1) })
    for await (const page of replica.index.rows()) await made.commit(page)
    const [is, was] = [made, replica.index].map(({ summary: { hash, ...counts } }) =>
      JSON.stringify({ hash: Buffer.from(hash).toString('hex'), ...counts }),
    )
    if (is !== was) problems.push(`${name} says ${was}, its rows ${is}`)
  }
  return problems
}
