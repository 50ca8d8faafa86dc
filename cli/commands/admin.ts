import { createDriveway } from '../../client/src/node.ts'
import type { ServerDriveway } from '../../client/src/node.ts'
import type { Command, Context } from '../command.ts'
import { CommandError, exitCodes, UsageError } from '../exit-codes.ts'
import { localMachine } from '../local-machine.ts'
import { chooseUrl, isLocal } from '../session.ts'

const machine = { client: 'driveway-admin', scopes: ['users.erase'] }

/** What is done as a machine: its token is the environment's, or the local stack's. */
async function asMachine({ text, signal }: Context): Promise<ServerDriveway> {
  const baseUrl = await chooseUrl(text('url'))
  const given = process.env['DRIVEWAY_TOKEN']
  if (given === undefined && !isLocal(baseUrl))
    throw new CommandError(
      exitCodes.signIn,
      'Put the token of a machine with the scope driveway/users.erase into DRIVEWAY_TOKEN.',
    )
  if (given === undefined) return localMachine(baseUrl, machine, signal)
  return createDriveway({ baseUrl, token: () => given })
}

export const admin: Command = {
  name: 'admin',
  takes: '<erase|erasure|export> <user>',
  summary: 'Erase a user, see how far that is, or show all that is kept of them; as a machine.',
  help: [
    ['--files <keep|delete>', 'with erase: what becomes of the files in the user’s own drive; keep'],
    ['', 'At a deployment DRIVEWAY_TOKEN is the machine’s token, with the scope driveway/users.erase.'],
  ],
  options: { files: { type: 'string' } },
  arguments: [2, 2],
  async run(context) {
    const { positionals, output, signal, text } = context
    const [what = '', user = ''] = positionals
    const files = text('files') ?? 'keep'
    if (files !== 'keep' && files !== 'delete') throw new UsageError('--files takes keep or delete.')
    if (!['erase', 'erasure', 'export'].includes(what))
      throw new UsageError('Usage: driveway admin <erase|erasure|export> <user>')
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
