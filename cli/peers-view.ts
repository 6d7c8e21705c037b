import type { Amount, PeerFolderStatus, PeerRoute, PeerStatus } from '../src/node/node-api.ts'
import { countText, durationText, rateText, sizeText } from './amounts.ts'
import { deviceText } from './event-lines.ts'
import { columnsOf, printable } from './printable.ts'

/** The devices as a table, each followed by the folders that it shares. `now` is in milliseconds since 1970. */
export function peersText(peers: readonly PeerStatus[], now: number): string {
  if (peers.length === 0) {
    return (
      'No other device is in reach now. On each there must run a node with the same folder and its key ' +
      '(p2psync key show <folder>),\nand this one must find it: by mDNS on the same network, or with --peer.\n'
    )
  }
  const rows = peers.map((peer) => peerRow(peer, now))
  const table = alignColumns([['DEVICE', 'CONNECTED', 'HOW', 'ADDRESS', 'RECEIVING', 'SENDING', 'ID'], ...rows])
  const lines = [table[0]!]
  for (const [index, peer] of peers.entries()) {
    lines.push(table[index + 1]!)
    if (peer.refused !== null) lines.push(`  refused: ${printable(peer.refused)}`)
    for (const folder of peer.folders) lines.push(`  ${printable(folder.path)}  ${folderText(folder, peer)}`)
  }
  return `${lines.join('\n')}\n`
}

/** Pads every cell to the widest of its column, two spaces apart; the last column is not padded. */
function alignColumns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths: number[] = []
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, columnsOf(cell))
  }
  return rows.map((row) =>
    row
      .map((cell, column) => cell + padding(cell, widths[column]!))
      .join('  ')
      .trimEnd(),
  )
}

function padding(cell: string, width: number): string {
  return ' '.repeat(width - columnsOf(cell))
}

function peerRow(peer: PeerStatus, now: number): readonly string[] {
  const connected = peer.connectedSince !== null
  return [
    deviceText(peer),
    peer.connectedSince === null ? (peer.paused ? 'paused' : 'no') : durationText(now - peer.connectedSince),
    peer.paused ? '-' : routeWords[peer.how],
    peer.address === '' ? '-' : printable(peer.address),
    connected ? rateText(peer.receiveRate) : '-',
    connected ? rateText(peer.sendRate) : '-',
    peer.device,
  ]
}

const routeWords: Readonly<Record<PeerRoute, string>> = {
  mdns: 'mDNS',
  'same-host': 'same host',
  address: 'dialled',
  inbound: 'dialled us',
}

function folderText(folder: PeerFolderStatus, peer: PeerStatus): string {
  if (folder.inSync) return 'in sync'
  if (peer.connectedSince === null) return 'not connected'
  const theirs = folder.neededByThem === null ? 'they: not known yet' : `they need ${amountText(folder.neededByThem)}`
  return `${theirs}, we need ${amountText(folder.neededByUs)}`
}

function amountText(amount: Amount): string {
  if (amount.files === 0 && amount.bytes === 0) return 'nothing'
  return `${countText(amount.files, 'file')} (${sizeText(amount.bytes)})`
}
