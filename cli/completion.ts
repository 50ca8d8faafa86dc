import type { Command } from './command.ts'
import { globalOptions } from './command.ts'
import { UsageError } from './exit-codes.ts'

/** Prints what a shell sources to complete the names of commands and options. */
export function completion(commands: () => readonly Command[]): Command {
  return {
    name: 'completion',
    takes: '<bash | zsh | fish>',
    summary: 'Print what completes commands and options in a shell, to be sourced.',
    help: [],
    options: {},
    arguments: [1, 1],
    async run({ positionals: [shell = ''] }) {
      process.stdout.write(completionOf(shell, commands()))
      await Promise.resolve()
    },
  }
}

function completionOf(shell: string, commands: readonly Command[]): string {
  const words = commands.map(({ name }) => name).join(' ')
  const optionsOf = (command: Command): string =>
    Object.keys({ ...command.options, ...globalOptions })
      .map((name) => `--${name}`)
      .join(' ')
  const cases = commands.map((command) => `    ${command.name}) words="${optionsOf(command)}" ;;`)
  const body = [
    '  local words',
    '  case "$command" in',
    ...cases,
    `    *) words="${words} help" ;;`,
    '  esac',
  ]
  switch (shell) {
    case 'bash':
      return [
        '_driveway() {',
        '  local current="${COMP_WORDS[COMP_CWORD]}" command=""',
        '  if [ "$COMP_CWORD" -gt 1 ]; then command="${COMP_WORDS[1]}"; fi',
        ...body,
        '  if [ -n "$command" ] && [ "${current#-}" = "$current" ]; then words=""; fi',
        '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
        '}',
        'complete -o default -F _driveway driveway',
        '',
      ].join('\n')
    case 'zsh':
      return [
        '#compdef driveway',
        '_driveway() {',
        '  local command=""',
        '  (( CURRENT > 2 )) && command="${words[2]}"',
        ...body.map((line) => line.replace('local words', 'local offered').replace(/words="/, 'offered="')),
        '  if [[ -n "$command" && "$PREFIX" != -* ]]; then _files; else compadd -- ${=offered}; fi',
        '}',
        'compdef _driveway driveway',
        '',
      ].join('\n')
    case 'fish':
      return [
        `complete -c driveway -n __fish_use_subcommand -f -a "${words} help"`,
        ...commands.flatMap((command) =>
          Object.keys({ ...command.options, ...globalOptions }).map(
            (name) => `complete -c driveway -n "__fish_seen_subcommand_from ${command.name}" -l ${name}`,
          ),
        ),
        '',
      ].join('\n')
    default:
      throw new UsageError('Name your shell: driveway completion bash, zsh or fish')
  }
}
