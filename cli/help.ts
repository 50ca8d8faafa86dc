import type { Command } from './command.ts'
import { exitCodes, exitCodeWords } from './exit-codes.ts'

const globalHelp = [
  ['--url <url>', 'the deployment; the one signed in to last, else the local stack'],
  ['--as <user>', 'who to be at the local stack; alice when left out'],
  ['--json', 'one JSON value a line, for machines; failures as JSON on standard error'],
  ['--quiet, -q', 'results only'],
  ['--help, -h', 'this text; driveway help <command> is the same'],
  ['--version', 'which version this is'],
] as const

const environmentHelp = [
  ['DRIVEWAY_URL', 'as --url'],
  ['DRIVEWAY_TOKEN', 'a bearer token to use as it is'],
  ['DRIVEWAY_USER', 'as --as'],
  ['DRIVEWAY_CONFIG_DIR', 'where sign-ins are kept'],
  ['NO_COLOR', 'no colours'],
] as const

/** The text of `driveway help`. */
export function overview(commands: readonly Command[]): string {
  const names = Object.keys(exitCodes) as (keyof typeof exitCodes)[]
  return [
    'Documents in your own cloud drive.',
    '',
    'Usage: driveway <command> [options]',
    '',
    ...columns(commands.map((command) => [`${command.name} ${command.takes}`, command.summary])),
    '',
    'Options of every command:',
    ...columns(globalHelp),
    '',
    'Environment:',
    ...columns(environmentHelp),
    '',
    'Exit codes:',
    ...columns(names.map((name) => [String(exitCodes[name]), exitCodeWords[name]])),
    '',
  ].join('\n')
}

/** The text of `driveway <command> --help`. */
export function commandHelp(command: Command): string {
  return [
    command.summary,
    '',
    `Usage: driveway ${command.name} ${command.takes}`.trimEnd(),
    '',
    ...columns([...command.help, ...globalHelp]),
    '',
  ].join('\n')
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([name]) => name.trimEnd().length))
  return rows.map(([name, words]) => `  ${name.trimEnd().padEnd(width)}  ${words}`)
}
