import { openBrowser } from '../browser.ts'
import type { Command } from '../command.ts'
import { CommandError, exitCodes, UsageError } from '../exit-codes.ts'
import { withDocument } from '../find-documents.ts'

/** What a name may be; the API refuses others too. */
const namePattern = /^[^\p{Cc}\p{Cs}]{1,255}$/u

export const mv: Command = {
  name: 'mv',
  takes: '<document> <name>',
  summary: 'Give a document another name.',
  help: [],
  options: {},
  arguments: [2, 2],
  async run({ positionals: [wanted = '', name = ''], output, signal, driveway }) {
    if (!namePattern.test(name))
      throw new UsageError('A name has 1 to 255 characters, none of them a control character.')
    const client = await driveway()
    const document = await withDocument(client, wanted, signal, (id) =>
      client.documents.rename(id, name, { signal }),
    )
    output.result({ document }, () => `${document.id} is called ${document.name ?? name}`)
  },
}

export const open: Command = {
  name: 'open',
  takes: '<document>',
  summary: 'Hand a document to the browser, by a link that works for five minutes.',
  help: [['--no-browser', 'only print the link']],
  options: { 'no-browser': { type: 'boolean' } },
  arguments: [1, 1],
  async run({ positionals: [wanted = ''], output, signal, flag, driveway }) {
    const client = await driveway()
    const { url, expiresAt } = await withDocument(client, wanted, signal, (id) =>
      client.documents.contentLink(id, {}, { signal }),
    )
    if (!flag('no-browser')) openBrowser(url)
    output.result({ url, expiresAt }, () => url)
  },
}

export const whoami: Command = {
  name: 'whoami',
  takes: '',
  summary: 'Show who you are, and at which deployment.',
  help: [],
  options: {},
  arguments: [0, 0],
  async run({ output, signal, session }) {
    const { url, token } = await session()
    const user = subjectOf(await token({ refresh: false }))
    signal.throwIfAborted()
    output.result({ user, url }, () => `${user} at ${url}`)
  },
}

/** The `sub` of a token that is the user's own: it is read, not verified. */
function subjectOf(token: string): string {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
    if (typeof claims === 'object' && claims !== null && 'sub' in claims && typeof claims.sub === 'string')
      return claims.sub
  } catch {}
  throw new CommandError(exitCodes.signIn, 'The token names nobody. Sign in: driveway login')
}
