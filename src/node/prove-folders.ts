import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { P2psyncError } from '../model/errors.ts'
import type { FolderId } from '../model/folder-id.ts'
import { foldersMax } from '../model/limits.ts'
import type { Random } from '../ports/random.ts'
import type { ByteDuplex } from './byte-duplex.ts'
import type { FolderKeys } from './folder-keys.ts'

/*
 * Which folders do these two devices both hold the key of? Each learns the common ones; of any other folder, and by
 * anyone without its key, nothing is learnt but that there are at most 8 (16, 24, ... 64).
 *
 * A dialled B, PA and PB are their peer ids as the encrypted connection proved them, never as a message says:
 *
 *   1  A -> B   version, nA(32), for each slot HMAC(Km, "tag" || lp(PA) || lp(PB) || nA)[0..16]
 *   2  B -> A   version, nB(32), for each slot HMAC(Km, "R" || T)
 *   3  A -> B   for each slot HMAC(Km, "I" || T)
 *   4  A -> B   for each slot HMAC(Kw, "I" || T), together with 3; then
 *      B -> A   for each slot HMAC(Kw, "R" || T)
 *
 *   T = SHA-256("p2psync/v1/auth" || lp(PA) || lp(PB) || F || nA || nB || lp(version of A, version of B))
 *
 * Slots are A's folders and decoys with random keys up to the next multiple of 8, in the order of their tags, which
 * tells nothing. B fills slots that it does not recognise with decoys too, and whoever finds a proof wrong goes on to
 * the end with decoys. So every run has the same messages of the same lengths and the same work, and to a stranger
 * "no common folder", "a wrong key" and "a wrong role" are one and the same: after message 4 the connection ends.
 *
 * Fresh nonces stop replays; the labels, and PA != PB, reflections; the peer ids in T a relay in the middle; F the use
 * for another folder. Cost: two round trips, folders x slots comparisons (at most 4096). Each message is a frame of a
 * 16-bit length and at most 2 KiB.
 */

/** Of the side that dialled (`initiator`) or was dialled. Peer ids are the bytes of their multihashes. */
export interface ProofOptions {
  readonly role: 'initiator' | 'responder'
  readonly localPeer: Uint8Array
  readonly remotePeer: Uint8Array
  /** At most 64. */
  readonly folders: readonly ProofKeys[]
  readonly random: Random
}

export type ProofKeys = Pick<FolderKeys, 'folder' | 'memberAuthKey' | 'writeAuthKey'>

/**
 * Proves this side's folders and checks the other's. Returns the folders that both hold with the write role, in the
 * order of `options.folders`; the caller ends the connection when there are none.
 *
 * @throws {P2psyncError} `bad-message` or `peer-gone` when the other side does not keep to the protocol;
 * `wrong-key` when it has our own peer id; the signal's reason when that is aborted.
 */
export async function proveFolders(
  duplex: ByteDuplex,
  options: ProofOptions,
  signal: AbortSignal,
): Promise<readonly FolderId[]> {
  if (options.folders.length > foldersMax) throw new RangeError(`at most ${foldersMax} folders can be proved`)
  if (equal(options.localPeer, options.remotePeer)) throw new P2psyncError('wrong-key', 'a device connected to itself')
  const link: Link = { duplex, signal }
  const proved = options.role === 'initiator' ? await initiate(link, options) : await respond(link, options)
  const folders = new Set(proved.map((slot) => slot.keys.folder))
  return options.folders.map((keys) => keys.folder).filter((folder) => folders.has(folder))
}

async function initiate(link: Link, options: ProofOptions): Promise<readonly Slot[]> {
  const { random } = options
  const peers = [options.localPeer, options.remotePeer]
  const nonce = random.bytes(nonceBytes)
  const offers = padded(options.folders, random)
    .map((keys) => ({ keys, tag: tagOf(keys, peers, nonce) }))
    .sort((a, b) => Buffer.compare(a.tag, b.tag))
  send(link, Uint8Array.of(proofVersion), nonce, ...offers.map((offer) => offer.tag))

  const answer = await receive(link, [headBytes + offers.length * macBytes])
  const transcript = { peers, nonces: [nonce, answer.subarray(1, headBytes)], versions: [proofVersion, answer[0]!] }
  const members = offers.map(({ keys }, i) => {
    const slot = slotOf(keys, transcript)
    return equal(macAt(answer.subarray(headBytes), i), memberProof(slot, 'R')) ? slot : decoySlot(transcript, random)
  })
  return unlessHopeless(members, async () => {
    send(link, ...members.map((slot) => memberProof(slot, 'I')))
    send(link, ...members.map((slot) => writerProof(slot, 'I')))
    const roles = await receive(link, [members.length * macBytes])
    return members.filter((slot, i) => equal(macAt(roles, i), writerProof(slot, 'R')))
  })
}

async function respond(link: Link, options: ProofOptions): Promise<readonly Slot[]> {
  const { random } = options
  const peers = [options.remotePeer, options.localPeer]
  const nonce = random.bytes(nonceBytes)
  const hello = await receive(link, helloLengths)
  const transcript = { peers, nonces: [hello.subarray(1, headBytes), nonce], versions: [hello[0]!, proofVersion] }
  const known = options.folders.map((keys) => ({ keys, tag: tagOf(keys, peers, hello.subarray(1, headBytes)) }))
  const members: Slot[] = []
  for (let at = headBytes; at < hello.length; at += tagBytes) {
    const recognised = known.find(({ tag }) => equal(tag, hello.subarray(at, at + tagBytes)))
    members.push(slotOf(recognised?.keys ?? decoyKeys(random), transcript))
  }
  return unlessHopeless(members, async () => {
    send(link, Uint8Array.of(proofVersion), nonce, ...members.map((slot) => memberProof(slot, 'R')))
    const proofs = await receive(link, [members.length * macBytes])
    const roles = await receive(link, [members.length * macBytes])
    const writers = members.map((slot, i) => {
      const member = equal(macAt(proofs, i), memberProof(slot, 'I'))
      const writer = equal(macAt(roles, i), writerProof(slot, 'I'))
      return member && writer ? slot : decoySlot(transcript, random)
    })
    send(link, ...writers.map((slot) => writerProof(slot, 'R')))
    return writers
  })
}

/** Once only decoys are left, the run goes on for the other side's eyes, and how it ends does not matter. */
async function unlessHopeless(slots: readonly Slot[], rest: () => Promise<readonly Slot[]>): Promise<readonly Slot[]> {
  try {
    return await rest()
  } catch (error) {
    if (slots.every((slot) => slot.keys.decoy === true)) return []
    throw error
  }
}

interface Link {
  readonly duplex: ByteDuplex
  readonly signal: AbortSignal
}

/** The initiator's comes first in each pair. */
interface Transcript {
  readonly peers: readonly Uint8Array[]
  readonly nonces: readonly Uint8Array[]
  readonly versions: readonly number[]
}

interface SlotKeys extends ProofKeys {
  readonly decoy?: boolean
}

interface Slot {
  readonly keys: SlotKeys
  /** T. */
  readonly hash: Uint8Array
}

const proofVersion = 1
const nonceBytes = 32
const headBytes = 1 + nonceBytes
const tagBytes = 16
const macBytes = 32
const slotsStep = 8
const helloLengths = Array.from(
  { length: foldersMax / slotsStep },
  (_, i) => headBytes + (i + 1) * slotsStep * tagBytes,
)

function padded(folders: readonly ProofKeys[], random: Random): readonly SlotKeys[] {
  const count = Math.max(1, Math.ceil(folders.length / slotsStep)) * slotsStep
  return [...folders, ...Array.from({ length: count - folders.length }, () => decoyKeys(random))]
}

function decoyKeys(random: Random): SlotKeys {
  const folder = Buffer.from(random.bytes(32)).toString('hex') as FolderId
  return { decoy: true, folder, memberAuthKey: random.bytes(32), writeAuthKey: random.bytes(32) }
}

function decoySlot(transcript: Transcript, random: Random): Slot {
  return slotOf(decoyKeys(random), transcript)
}

function slotOf(keys: SlotKeys, { peers, nonces, versions }: Transcript): Slot {
  const hash = createHash('sha256').update('p2psync/v1/auth')
  for (const peer of peers) hash.update(prefixed(peer))
  hash.update(Buffer.from(keys.folder, 'hex'))
  for (const nonce of nonces) hash.update(nonce)
  return { keys, hash: hash.update(prefixed(Uint8Array.from(versions))).digest() }
}

function tagOf(keys: ProofKeys, peers: readonly Uint8Array[], nonce: Uint8Array): Uint8Array {
  const hmac = createHmac('sha256', keys.memberAuthKey).update('tag')
  for (const peer of peers) hmac.update(prefixed(peer))
  return hmac.update(nonce).digest().subarray(0, tagBytes)
}

function memberProof({ keys, hash }: Slot, side: 'I' | 'R'): Uint8Array {
  return createHmac('sha256', keys.memberAuthKey).update(side).update(hash).digest()
}

function writerProof({ keys, hash }: Slot, side: 'I' | 'R'): Uint8Array {
  return createHmac('sha256', keys.writeAuthKey).update(side).update(hash).digest()
}

/** `lp(x)`: a 32-bit length, and x. */
function prefixed(bytes: Uint8Array): Uint8Array {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}

function macAt(macs: Uint8Array, index: number): Uint8Array {
  return macs.subarray(index * macBytes, (index + 1) * macBytes)
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

function send({ duplex }: Link, ...parts: readonly Uint8Array[]): void {
  const body = Buffer.concat(parts)
  const length = Buffer.alloc(2)
  length.writeUInt16BE(body.length)
  duplex.write(Buffer.concat([length, body]))
}

/** The next frame, which must have one of `lengths`: no other is ever buffered. */
async function receive({ duplex, signal }: Link, lengths: readonly number[]): Promise<Uint8Array> {
  const [high, low] = await duplex.read(2, signal)
  const length = high! * 256 + low!
  if (!lengths.includes(length)) throw new P2psyncError('bad-message', `a proof message of ${length} bytes`)
  return duplex.read(length, signal)
}
