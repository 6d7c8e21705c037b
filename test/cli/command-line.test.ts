import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CommandWorld } from './command-world.ts'

let world: CommandWorld
beforeEach(async () => {
  world = await CommandWorld.make()
})
afterEach(() => world.remove())

describe('the command line', () => {
  it('explains itself, its commands and its exit codes', async () => {
    const { code, stdout, stderr } = await world.run(['--help'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    for (const name of [
      'start',
      'stop',
      'status',
      'peers',
      'key',
      'limit',
      'pause',
      'guard',
      'resume',
      'remove',
      'watch',
      'manifest',
      'diff',
      'doctor',
      'scrub',
    ]) {
      expect(stdout).toContain(`\n  ${name} `)
    }
    expect(stdout).toContain('Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no node is running.')
  })

  it.each([
    ['start'],
    ['stop'],
    ['status'],
    ['peers'],
    ['key', 'new'],
    ['key', 'show'],
    ['remove'],
    ['limit'],
    ['pause'],
    ['guard'],
    ['resume'],
    ['watch'],
    ['manifest'],
    ['diff'],
    ['doctor'],
    ['scrub'],
  ])('has help with examples for %s %s', async (...command) => {
    const { code, stdout } = await world.run([...command.filter((word) => word !== undefined), '--help'])
    expect(code).toBe(0)
    expect(stdout).toContain('Examples:\n  $ ')
    expect(stdout).toContain('--json')
    expect(stdout).toContain('\nExit codes: 0 done')
  })

  it('prints its version', async () => {
    expect(await world.run(['--version'])).toEqual({ code: 0, stdout: '0.1.0\n', stderr: '' })
  })

  it.each([
    [[], 'no command is given', 'p2psync --help'],
    [['statu'], "unknown command 'statu'", 'status'],
    [['status', '--jsno'], "unknown option '--jsno'", 'p2psync status --help'],
    [['remove'], "missing required argument 'folder'", 'p2psync remove --help'],
    [['stop', 'x'], 'too many arguments', 'p2psync stop --help'],
    [['pause', 'a', '--peer', 'desk'], 'a folder and a device are given', 'one of them'],
    [['guard', 'approve', '--off'], 'approve takes a folder', 'p2psync guard approve ./folder'],
    [['guard', 'a', 'b'], 'a is no decision', 'p2psync guard approve <folder>'],
    [['guard', 'a', '--off', '--files', '5'], '--off is given together with a limit', 'Give one of them'],
    [['limit', '--up', '5'], '"5" is no limit of rate', '500KiB'],
    [['limit', '--no-schedule', '--schedule', 'sat up=none'], 'are given together', 'Give one of them'],
    [['limit', '--schedule', 'sat up=none', '--no-schedule'], 'are given together', 'Give one of them'],
    [['limit', '--schedule', 'mon 8-18 up=none'], 'no time of a day', 'mon-fri 08:00-18:00'],
    [['key'], 'no command is given', 'p2psync key --help'],
    [['start', '--first', '--home', 'x'], "option '--first <pattern>' argument missing", 'p2psync start --help'],
    [['start', '--name', '--home', 'x'], "option '--name <device>' argument missing", 'p2psync start --help'],
    [['start', '--home', '--home', 'x'], "option '--home <dir>' argument missing", 'p2psync start --help'],
    [['start', '.', '--last', '--no-mdns'], "option '--last <pattern>' argument missing", 'p2psync start --help'],
    [['status', '--home', '--watch'], "option '--home <dir>' argument missing", 'p2psync status --help'],
    [
      ['manifest', '.', '--output', '--no-blocks'],
      "option '--output <file>' argument missing",
      'p2psync manifest --help',
    ],
    [['key', 'show', 'x', '--home', '--json=1'], "option '--home <dir>' argument missing", 'p2psync key --help'],
    [['start', '.', '--log-level', 'loud'], "argument 'loud' is invalid", 'p2psync start --help'],
    [['start', '.', '--name', 'a/b'], 'not allowed', '--name laptop'],
  ])('takes %j for wrong usage and says what to do', async (argv, message, hint) => {
    const { code, stdout, stderr } = await world.run(argv)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(/^p2psync: .+\n.+\n$/)
    expect(stderr).toContain(message)
    expect(stderr).toContain(hint)
  })

  it('reports errors as JSON on stderr when asked for JSON', async () => {
    const { code, stdout, stderr } = await world.run(['status', '--json'])
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' })
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'no-node' } })
  })

  it.each([
    [['status']],
    [['peers']],
    [['limit']],
    [['pause']],
    [['resume', '--peer', 'x']],
    [['stop']],
    [['remove', 'x']],
    [['key', 'show', 'x']],
    [['status', '--watch']],
  ])('says that no node runs: %j', async (argv) => {
    const { code, stderr } = await world.run(argv)
    expect(code).toBe(3)
    expect(stderr).toMatch(/^p2psync: no p2psync node is running .*\nStart one with p2psync start <folder>/)
  })
})
