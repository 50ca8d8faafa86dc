import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Connection, Driveway } from '../../client/src/node.ts'
import { openBrowser } from '../browser.ts'
import type { Command, Context } from '../command.ts'
import { CommandError, exitCodes, UsageError } from '../exit-codes.ts'
import { listenForBrowser } from '../loopback.ts'
import { providerIds } from '../../lib/providers/registry.ts'
import { howToConnect, table } from '../output.ts'

interface Started {
  readonly connection: Connection
  readonly authorizationUrl?: string
}

export const connect: Command = {
  name: 'connect',
  takes: `<${providerIds.join(' | ')}>`,
  summary: 'Connect a drive through the browser.',
  help: [
    ['--reconnect <connection>', 'connect again in place, with the same account'],
    ['--paste', 'enter the completion code by hand, when the browser is on another machine'],
    ['--no-browser', 'only print the URL'],
  ],
  options: { reconnect: { type: 'string' }, paste: { type: 'boolean' }, 'no-browser': { type: 'boolean' } },
  arguments: [0, 1],
  async run(context) {
    const { output, signal, positionals, text } = context
    const driveway = await context.driveway()
    const again = text('reconnect')
    const start = starter(driveway, positionals[0], again, signal)
    const connection = await (context.flag('paste')
      ? byPaste(context, driveway, start)
      : byLoopback(context, driveway, start))
    output.result({ connection }, () => {
      const who = connection.account === undefined ? '' : ` as ${connection.account.email}`
      return `Connected ${connection.provider}${who}: ${connection.id}`
    })
  },
}

/** Begins a connection, or connects one again. */
function starter(
  driveway: Driveway,
  named: string | undefined,
  again: string | undefined,
  signal: AbortSignal,
): (returnUrl: string | undefined) => Promise<Started> {
  if (again !== undefined)
    return (returnUrl) => driveway.connections.reauthorize(again, { returnUrl }, { signal })
  const provider = providerIds.find((id) => id === named)
  if (provider === undefined) throw new UsageError(`Name what to connect: ${providerIds.join(', ')}.`)
  return (returnUrl) => driveway.connections.start({ provider, returnUrl }, { signal })
}

/** Any page can call the address: only who knows the connection's id comes from its consent, refusals too. */
export function cameBackFrom(connectionId: string): (query: URLSearchParams) => boolean {
  return (query) => query.get('connectionId') === connectionId
}

async function byLoopback(
  context: Context,
  driveway: Driveway,
  start: (returnUrl: string | undefined) => Promise<Started>,
): Promise<Connection> {
  const { signal } = context
  const loopback = await listenForBrowser()
  try {
    const { connection, authorizationUrl } = await start(loopback.url)
    if (authorizationUrl === undefined) return connection
    show(context, authorizationUrl)
    const query = await loopback.arrival(cameBackFrom(connection.id), signal)
    const code = query.get('completionCode')
    if (code === null)
      throw new CommandError(
        exitCodes.userNeeded,
        `The drive was not connected: ${query.get('error') ?? 'no code came back'}.`,
      )
    return await driveway.connections.complete(connection.id, code, { signal })
  } finally {
    loopback.close()
  }
}

async function byPaste(
  context: Context,
  driveway: Driveway,
  start: (returnUrl: string | undefined) => Promise<Started>,
): Promise<Connection> {
  const { connection, authorizationUrl } = await start(undefined)
  if (authorizationUrl === undefined) return connection
  show(context, authorizationUrl)
  context.output.ask('Then enter the completion code that the page shows:')
  const lines = createInterface({ input: process.stdin })
  try {
    const [line]: unknown[] = await Promise.race([
      once(lines, 'line', { signal: context.signal }),
      once(lines, 'close', { signal: context.signal }),
    ])
    if (typeof line !== 'string' || line.trim() === '')
      throw new UsageError('No completion code was entered.')
    return await driveway.connections.complete(connection.id, line.trim(), { signal: context.signal })
  } finally {
    lines.close()
  }
}

function show({ output, flag }: Context, authorizationUrl: string): void {
  if (output.json) output.result({ event: 'authorize', authorizationUrl }, () => '')
  output.ask(`Give your consent in the browser:\n  ${authorizationUrl}`)
  if (!flag('no-browser') && !flag('paste')) openBrowser(authorizationUrl)
}

export const disconnect: Command = {
  name: 'disconnect',
  takes: '<connection>',
  summary: 'End a connection. The files stay in the drive.',
  help: [],
  options: {},
  arguments: [1, 1],
  async run({ positionals: [id = ''], output, signal, driveway }) {
    await (await driveway()).connections.disconnect(id, { signal })
    output.result({ disconnected: id }, () => `Disconnected ${id}. Your files stay in your drive.`)
  },
}

export const connections: Command = {
  name: 'connections',
  takes: '',
  summary: 'List the connected drives.',
  help: [],
  options: {},
  arguments: [0, 0],
  async run({ output, signal, driveway }) {
    const found = await (await driveway()).connections.list({ signal })
    output.result({ connections: found }, () =>
      found.length === 0 ? `No drive is connected. Connect one: ${howToConnect}` : drivesTable(found),
    )
  },
}

/** A table of connections for people. */
export function drivesTable(connections: readonly Connection[]): string {
  const rows = connections.map(({ id, provider, status, account, reason }) => [
    id,
    provider,
    status,
    account?.email ?? '',
    reason ?? '',
  ])
  return table(['CONNECTION', 'PROVIDER', 'STATUS', 'ACCOUNT', 'REASON'], rows)
}
