import { createDriveway } from '../../client/src/node.ts'
import type { Document, ServerDriveway } from '../../client/src/node.ts'
import type { Command, Context } from '../command.ts'
import { CommandError, exitCodes, UsageError } from '../exit-codes.ts'
import { localMachine } from '../local-machine.ts'
import { chooseUrl, isLocal } from '../session.ts'
import { drivesTable } from './connect.ts'
import { listing } from './documents.ts'

const machine = { client: 'driveway-admin', scopes: ['users.erase', 'connections.read', 'documents.read'] }
const words = ['list', 'export', 'erase', 'erasure']

/** What is done as a machine: its token is the environment's, or the local stack's. */
async function asMachine({ text, signal }: Context, user?: string): Promise<ServerDriveway> {
  const baseUrl = await chooseUrl(text('url'))
  const given = process.env['DRIVEWAY_TOKEN']
  if (given === undefined && !isLocal(baseUrl))
    throw new CommandError(
      exitCodes.signIn,
      `Put the token of a machine into DRIVEWAY_TOKEN. ${scopesNeeded}`,
    )
  if (given === undefined) return localMachine(baseUrl, machine, signal, user)
  return createDriveway({ baseUrl, token: () => given, user })
}

const scopesNeeded =
  'Its scopes: driveway/users.erase; for list driveway/connections.read and driveway/documents.read.'

export const admin: Command = {
  name: 'admin',
  takes: `<${words.join('|')}> <user>`,
  summary: 'See a user’s drives and documents or all that is kept of them, or erase them; as a machine.',
  help: [
    ['--files <keep|delete>', 'with erase: what becomes of the files in the user’s own drive; keep'],
    ['', `At a deployment DRIVEWAY_TOKEN is the machine’s token. ${scopesNeeded}`],
  ],
  options: { files: { type: 'string' } },
  arguments: [2, 2],
  async run(context) {
    const { positionals, output, signal, text } = context
    const [what = '', user = ''] = positionals
    const files = text('files') ?? 'keep'
    if (files !== 'keep' && files !== 'delete') throw new UsageError('--files takes keep or delete.')
    if (!words.includes(what)) throw new UsageError(`Usage: driveway admin ${admin.takes}`)
    if (what === 'list') return await show(context, await asMachine(context, user))
    const { users } = await asMachine(context)
    if (what === 'export') {
      for await (const entry of users.export(user, { signal }))
        output.result(entry, () => `${entry.table} ${JSON.stringify(entry.row)}`)
      return
    }
    const erasure = await (what === 'erase'
      ? users.erase(user, { files, signal })
      : users.erasure(user, { signal }))
    output.result(erasure, () =>
      [
        `The erasure of ${erasure.userId} is ${erasure.status}.`,
        ...(erasure.status === 'done'
          ? erasure.kept.map(({ what: kept, until }) => `${kept}: until ${until}`)
          : []),
      ].join('\n'),
    )
  },
}

/** A user's connections, and what has become of each document. */
async function show({ output, signal }: Context, driveway: ServerDriveway): Promise<void> {
  const connections = await driveway.connections.list({ signal })
  const documents: Document[] = []
  for await (const one of driveway.documents.all({ limit: 200 }, { signal })) documents.push(one)
  const found = [
    ...connections.map((connection) => ({ connection })),
    ...documents.map((document) => ({ document })),
  ]
  if (output.json) return found.forEach((one) => output.result(one, () => ''))
  const drives = connections.length === 0 ? 'No drives.' : drivesTable(connections)
  output.result(found, () => `${drives}\n\n${listing(documents)}`)
}
