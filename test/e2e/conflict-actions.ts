import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What a person on one device may do to `doc.txt` while the devices are apart. */
export type Action = 'edit' | 'delete' | 'rename' | 'to folder' | 'to link'

export const actions: readonly Action[] = ['edit', 'delete', 'rename', 'to folder', 'to link']

/** Does it in `folder`, in a way that tells `device` from others. */
export function act(action: Action, folder: string, device: string): void {
  const doc = join(folder, 'doc.txt')
  switch (action) {
    case 'edit':
      writeFileSync(doc, editedText(device))
      break
    case 'delete':
      rmSync(doc)
      break
    case 'rename':
      renameSync(doc, join(folder, `renamed by ${device}.txt`))
      break
    case 'to folder':
      rmSync(doc)
      mkdirSync(doc)
      writeFileSync(join(doc, 'inner.txt'), innerText(device))
      break
    case 'to link':
      rmSync(doc)
      symlinkSync(`target of ${device}`, doc)
      break
  }
}

export const originalText = 'the text that both devices had'

function editedText(device: string): string {
  return `edited by ${device}`
}

function innerText(device: string): string {
  return `inside the folder of ${device}`
}

/** What must be somewhere on every device after `action`: texts of files, or targets of links. */
export function leaves(action: Action, device: string): readonly string[] {
  const left: Readonly<Record<Action, readonly string[]>> = {
    edit: [editedText(device)],
    delete: [],
    rename: [originalText],
    'to folder': [innerText(device)],
    'to link': [`target of ${device}`],
  }
  return left[action]
}

/** How many conflicted copies two actions make: one where both left a content at the same path. */
export function copiesOf(a: Action, b: Action): number {
  return atPath.has(a) && atPath.has(b) ? 1 : 0
}

const atPath: ReadonlySet<Action> = new Set(['edit', 'to folder', 'to link'])
