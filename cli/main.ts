import { parseArgs } from 'node:util'
import packageJson from './package.json' with { type: 'json' }
import type { Command, Context, Values } from './command.ts'
import { globalOptions } from './command.ts'
import { admin } from './commands/admin.ts'
import { connect, connections, disconnect } from './commands/connect.ts'
import { doctor } from './commands/doctor.ts'
import { ls, rm, status } from './commands/documents.ts'
import { cat, get } from './commands/get.ts'
import { listen } from './commands/listen.ts'
import { login, logout } from './commands/login.ts'
import { mcp } from './commands/mcp.ts'
import { mv, open, whoami } from './commands/names.ts'
import { put } from './commands/put.ts'
import { trigger } from './commands/trigger.ts'
import { completion } from './completion.ts'
import { exitCodeOf, exitCodes, UsageError } from './exit-codes.ts'
import { commandHelp, overview } from './help.ts'
import { processOutput } from './output.ts'
import { openSession } from './session.ts'
import type { Session } from './session.ts'

const { version } = packageJson

const commands: readonly Command[] = [
  login,
  logout,
  connect,
  connections,
  disconnect,
  put,
  get,
  cat,
  ls,
  rm,
  mv,
  open,
  status,
  whoami,
  doctor,
  listen,
  trigger,
  admin,
  mcp,
  completion(() => commands),
]

/** Runs one command line and resolves with its exit code. */
async function main(args: readonly string[]): Promise<number> {
  const interrupt = new AbortController()
  process.once('SIGINT', () => interrupt.abort())
  process.once('SIGTERM', () => interrupt.abort())
  // A reader that leaves early (| head) is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(exitCodes.ok)
  })
  const output = processOutput({
    json: args.includes('--json'),
    quiet: args.includes('--quiet') || args.includes('-q'),
  })
  try {
    const [name, about] = wordsOf(args)
    if (name === undefined && args.some((word) => word === '--version' || word === '-V')) {
      process.stdout.write(`driveway ${version}\n`)
      return exitCodes.ok
    }
    if (name === undefined || name === 'help') {
      process.stdout.write(about === undefined ? overview(commands) : commandHelp(commandNamed(about)))
      return exitCodes.ok
    }
    const command = commandNamed(name)
    const { values, positionals } = parse(command, args)
    if (values['help'] === true) {
      process.stdout.write(commandHelp(command))
      return exitCodes.ok
    }
    await command.run(contextOf(values, positionals, output, interrupt.signal))
    return exitCodes.ok
  } catch (error) {
    const code = interrupt.signal.aborted ? exitCodes.interrupted : exitCodeOf(error)
    if (code === exitCodes.interrupted) output.note('Interrupted.')
    else output.failure(error)
    return code
  }
}

function commandNamed(name: string): Command {
  const command = commands.find((entry) => entry.name === name)
  if (command === undefined) throw new UsageError(`There is no command ${name}. See: driveway help`)
  return command
}

/** The arguments that are neither an option nor an option's value. */
function wordsOf(args: readonly string[]): string[] {
  const { tokens } = parseArgs({
    args: [...args],
    options: globalOptions,
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  return tokens.flatMap((token) => (token.kind === 'positional' ? [token.value] : []))
}

function parse(command: Command, args: readonly string[]): { values: Values; positionals: string[] } {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { ...globalOptions, ...command.options },
      allowPositionals: true,
    })
    const given = positionals.slice(1)
    const [least, most] = command.arguments
    if (values.help !== true && (given.length < least || given.length > most)) {
      throw new UsageError(`Usage: driveway ${command.name} ${command.takes}`.trimEnd())
    }
    return { values, positionals: given }
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function contextOf(
  values: Values,
  positionals: readonly string[],
  output: Context['output'],
  signal: AbortSignal,
): Context {
  const text = (name: string) => {
    const value = values[name]
    return typeof value === 'string' ? value : undefined
  }
  let session: Promise<Session> | undefined
  const open = () => (session ??= openSession({ url: text('url'), as: text('as'), signal }))
  return {
    positionals,
    output,
    signal,
    text,
    flag: (name) => values[name] === true,
    session: open,
    driveway: async () => (await open()).driveway,
  }
}

process.exitCode = await main(process.argv.slice(2))
