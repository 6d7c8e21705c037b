import type { Command } from 'commander'

/**
 * Has `command` and its subcommands refuse an option whose value is another of its options: `--first --home DIR` is a
 * pattern that was forgotten, not one called `--home`.
 */
export function refuseSwallowedOptions(command: Command): void {
  for (const option of command.options) {
    if (!option.required) continue
    command.on(`option:${option.name()}`, (value: string) => {
      if (!isOptionOf(command, value)) return
      command.error(`error: option '${option.flags}' argument missing`, { code: 'commander.optionMissingArgument' })
    })
  }
  for (const child of command.commands) refuseSwallowedOptions(child)
}

function isOptionOf(command: Command, value: string): boolean {
  const [name = ''] = value.split('=')
  return name === '--help' || command.options.some((option) => option.long === name)
}
