import { readdir } from 'node:fs/promises'
import { systemCode } from '../model/errors.ts'
import { privateFolderName, relativePathProblem } from '../model/relative-path.ts'
import type { Findings } from './finding.ts'

/** Names that shorter file systems and ciphers cannot hold: eCryptfs takes so many bytes of a name. */
const portableNameBytes = 143
const examplesMax = 3

/**
 * Walks the folder `root` and tells of names that are not synced or that other disks cannot hold, and of what this user
 * cannot read. Returns how many folders there are, itself among them.
 */
export async function checkNames(root: string, findings: Findings): Promise<number> {
  const seen = new Seen()
  const pending = ['']
  let folders = 0
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    folders++
    let entries
    try {
      entries = await readdir(Buffer.from(`${root}/${folder}`), { withFileTypes: true, encoding: 'buffer' })
    } catch (error) {
      // Gone meanwhile.
      if (systemCode(error) !== 'ENOENT') seen.note('unreadable', folder === '' ? root : folder)
      continue
    }
    const twins = new Map<string, string>()
    for (const entry of entries) {
      const name = entry.name.toString('utf8')
      const path = folder === '' ? name : `${folder}/${name}`
      if (folder === '' && name === privateFolderName) continue
      if (!Buffer.from(name).equals(entry.name)) {
        seen.note('unnamed', path)
        continue
      }
      const problem = relativePathProblem(path.normalize('NFC'))
      if (problem !== null) seen.note('unsynced', `${path} (${problem})`)
      if (Buffer.byteLength(name) > portableNameBytes) seen.note('long', path)
      const folded = name.normalize('NFC').toLowerCase()
      const twin = twins.get(folded)
      if (twin !== undefined) seen.note('twins', `${path} and ${twin}`)
      twins.set(folded, name)
      if (entry.isDirectory()) pending.push(path)
      else if (!entry.isFile() && !entry.isSymbolicLink()) seen.note('special', path)
    }
  }
  seen.tell(findings)
  return folders
}

const kinds = {
  unreadable: {
    check: 'readable',
    result: 'problem',
    what: 'cannot be read by this user',
    hint: 'Correct the permissions: what is in there is not synced.',
    fine: 'this user can read all folders in it',
  },
  unnamed: {
    check: 'names-encoding',
    result: 'problem',
    what: 'have names that are not UTF-8',
    hint: 'Rename them (convmv does many at once): they are not synced.',
    fine: 'all names are UTF-8',
  },
  unsynced: {
    check: 'names-allowed',
    result: 'problem',
    what: 'have names that cannot be synced',
    hint: 'Rename them.',
    fine: 'all names can be synced',
  },
  twins: {
    check: 'names-twins',
    result: 'warning',
    what: 'differ only in case or in the form of their characters',
    hint: 'Rename one of each: disks that ignore case (macOS, Windows) hold only one of them.',
    fine: 'no two names differ only in case',
  },
  long: {
    check: 'names-length',
    result: 'warning',
    what: `have names of more than ${portableNameBytes} bytes`,
    hint: 'Shorten them: encrypted home folders cannot hold them.',
    fine: 'no name is too long for other disks',
  },
  special: {
    check: 'special-files',
    result: 'warning',
    what: 'are sockets, pipes or devices',
    hint: 'Nothing has to be done: they are not synced.',
    fine: 'there are only files, folders and links',
  },
} as const

type Kind = keyof typeof kinds

class Seen {
  readonly #found = new Map<Kind, { count: number; examples: string[] }>()

  note(kind: Kind, path: string): void {
    const found = this.#found.get(kind) ?? { count: 0, examples: [] }
    found.count++
    if (found.examples.length < examplesMax) found.examples.push(path)
    this.#found.set(kind, found)
  }

  tell(findings: Findings): void {
    for (const [kind, { check, result, what, hint, fine }] of Object.entries(kinds)) {
      const found = this.#found.get(kind as Kind)
      if (found === undefined) findings.ok(check, fine)
      else {
        const more = found.count > found.examples.length ? ', ...' : ''
        findings[result](check, { message: `${found.count} ${what}: ${found.examples.join(', ')}${more}`, hint })
      }
    }
  }
}
