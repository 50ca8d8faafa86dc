import { realpath } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import type { ServerContext } from '@modelcontextprotocol/server'
import { McpServer } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import * as z from 'zod'
import packageJson from './package.json' with { type: 'json' }
import { providerIds } from '../lib/providers/registry.ts'
import type { Command, Context } from './command.ts'
import { connect, connections } from './commands/connect.ts'
import { ls, rm, status } from './commands/documents.ts'
import { get } from './commands/get.ts'
import { put } from './commands/put.ts'
import { UsageError } from './exit-codes.ts'
import type { Output } from './output.ts'
import { errorFields } from './output.ts'

/** The words and options that a command gets, as a terminal would give them. */
interface Words {
  readonly positionals?: readonly string[]
  readonly options?: Readonly<Record<string, string | boolean | undefined>>
}

interface Tool<Input extends z.ZodObject> {
  readonly command: Command
  readonly description: string
  readonly input: Input
  readonly annotations: { readonly readOnlyHint?: boolean; readonly destructiveHint?: boolean }
  /** `inside` answers a path within the folder, or refuses it. */
  words(input: z.output<Input>, inside: (path: string) => Promise<string>): Words | Promise<Words>
}

/** Checks an entry's words against its own input. */
const tool = <Input extends z.ZodObject>(entry: Tool<Input>): Tool<z.ZodObject> => entry
const documentId = z.string().min(1).describe('The id of the document, as the other tools answer it.')
const connectionId = z.string().optional().describe('Which drive; may be left out when one is connected.')
const asIs = /^[^*?]*[^*?/]$/

/**
 * The commands, as an agent is shown them. Bytes go between the drive and files of the folder, by path: a
 * model never carries them, and never sees a token.
 */
const tools = {
  connect_drive: tool({
    command: connect,
    description:
      'Begin to connect a drive. Answers authorizationUrl: a person has to open it and agree. Then connections shows the drive as active.',
    input: z.object({
      provider: z.enum(providerIds).optional().describe('Which drive; needed unless reconnect is given.'),
      reconnect: z.string().optional().describe('A connection to connect again, with the same account.'),
    }),
    annotations: {},
    words: ({ provider, reconnect }) => ({
      positionals: provider === undefined ? [] : [provider],
      options: { reconnect, 'no-browser': true },
    }),
  }),
  connections: tool({
    command: connections,
    description: 'The connected drives, and whether they work.',
    input: z.object({}),
    annotations: { readOnlyHint: true },
    words: () => ({}),
  }),
  put_file: tool({
    command: put,
    description:
      'Store a file of the folder in the drive, of any size; resolves when the drive has it and its hash is proven (checksum.verdict). The same call goes on where one that was interrupted stopped.',
    input: z.object({
      path: z.string().min(1).describe('The file, from the folder on.'),
      documentId: documentId.optional().describe('The id it gets; made of the file’s name when left out.'),
      name: z.string().optional().describe('What people call it; the file’s name when left out.'),
      connectionId,
      replace: z.boolean().optional().describe('Store over a document of this id; refused when left out.'),
    }),
    annotations: { destructiveHint: true },
    words: async ({ path, documentId: id, name, connectionId: connection, replace }, inside) => ({
      positionals: [await inside(path)],
      options: { id, name, connection, 'if-exists': replace === true ? 'replace' : 'fail' },
    }),
  }),
  get_file: tool({
    command: get,
    description: 'Fetch a document from the drive into a file of the folder. Answers the file and its size.',
    input: z.object({
      documentId: documentId.regex(asIs),
      path: z
        .string()
        .min(1)
        .optional()
        .describe('The file to write; the document’s own name when left out.'),
      overwrite: z.boolean().optional().describe('Write over a file that is there; refused when left out.'),
    }),
    annotations: { destructiveHint: true },
    words: async ({ documentId: id, path, overwrite }, inside) => ({
      positionals: [id],
      options: {
        output: path === undefined ? `${await inside('.')}/` : await inside(path),
        force: overwrite,
      },
    }),
  }),
  list_documents: tool({
    command: ls,
    description: 'Documents, by the beginning of their id or name, or by a glob such as scans/*.pdf.',
    input: z.object({
      like: z.string().optional(),
      connectionId,
      limit: z.int().min(1).max(200).optional().describe('At most so many; 50 when left out.'),
    }),
    annotations: { readOnlyHint: true },
    words: ({ like, connectionId: connection, limit = 50 }) => ({
      positionals: like === undefined ? [] : [like],
      options: { connection, limit: String(limit) },
    }),
  }),
  stat_document: tool({
    command: status,
    description: 'How a document stands: status, size, hash and verdict, or why it failed.',
    input: z.object({ documentId }),
    annotations: { readOnlyHint: true },
    words: ({ documentId: id }) => ({ positionals: [id] }),
  }),
  delete_document: tool({
    command: rm,
    description: 'Delete one document, in the drive too: into its bin where it has one.',
    input: z.object({
      documentId: documentId.regex(asIs),
      permanent: z.boolean().optional().describe('Past the bin, where the drive can.'),
    }),
    annotations: { destructiveHint: true },
    words: ({ documentId: id, permanent }) => ({ positionals: [id], options: { permanent } }),
  }),
}

/** Serves until standard input ends or the command is interrupted. */
export async function serveAgents(context: Context, folder: string): Promise<void> {
  const root = await realpath(folder).catch(() => {
    throw new UsageError(`There is no folder ${folder}.`)
  })
  const inside = (path: string): Promise<string> => within(root, path)
  const ended = new AbortController()
  const serving = AbortSignal.any([context.signal, ended.signal])
  const handle = serveStdio(() => {
    const server = new McpServer({ name: 'driveway', version: packageJson.version })
    for (const [name, entry] of Object.entries(tools)) {
      const { description, input: inputSchema, annotations } = entry
      server.registerTool(name, { description, inputSchema, annotations }, async (given, { mcpReq }) => {
        try {
          const words = await entry.words(given, inside)
          const asked = { ...context, signal: serving, output: quietly(progressOf(mcpReq)) }
          return answer(await ran(asked, entry.command, words, mcpReq.signal))
        } catch (error) {
          return { ...answer({ error: errorFields(error) }), isError: true }
        }
      })
    }
    return server
  })
  await new Promise<void>((resolve) => {
    process.stdin.once('end', resolve)
    context.signal.addEventListener('abort', () => resolve(), { once: true })
  })
  // A connect that waits for its person would keep the process for ten minutes more.
  ended.abort()
  await handle.close()
}

type Call = ServerContext['mcpReq']

/** Tells the caller, who may have asked for it, how far a transfer is: at most once a second, and upwards. */
function progressOf({ _meta: meta, notify }: Pick<Call, '_meta' | 'notify'>): (fraction: number) => void {
  const progressToken = meta?.progressToken
  let told = 0
  let last = 0
  return (progress) => {
    const now = Date.now()
    if (progressToken === undefined || now - told < 1_000 || progress <= last) return
    told = now
    last = progress
    // A caller that is gone is noticed by its call's signal.
    notify({ method: 'notifications/progress', params: { progressToken, progress, total: 1 } }).catch(
      () => undefined,
    )
  }
}

/** What a command says besides its results is for people. */
function quietly(update: (fraction: number) => void): Output {
  const nothing = () => undefined
  const progress = () => ({ update, end: nothing })
  return { json: true, result: nothing, note: nothing, ask: nothing, failure: nothing, progress }
}

const answer = (value: object) => ({ content: [{ type: 'text' as const, text: JSON.stringify(value) }] })

/**
 * Runs a command and answers what it says, one value as it is and several as a list. One that waits for a
 * person's consent is answered with the address, and goes on by itself.
 */
async function ran(
  context: Context,
  command: Command,
  { positionals = [], options = {} }: Words,
  call: AbortSignal,
): Promise<object> {
  const results: unknown[] = []
  return await new Promise<object>((resolve, reject) => {
    const asked: Context = {
      ...context,
      positionals,
      // Who waits for a person outlives the call that began it.
      signal: command === connect ? context.signal : AbortSignal.any([context.signal, call]),
      text: (name) => (typeof options[name] === 'string' ? options[name] : undefined),
      flag: (name) => options[name] === true,
      output: {
        ...context.output,
        result(value) {
          results.push(value)
          if (command === connect) resolve({ result: value })
        },
      },
    }
    command
      .run(asked)
      .then(
        () => resolve(results.length === 1 && command !== ls ? { result: results[0] } : { results }),
        reject,
      )
  })
}

/** A path below the folder, with links followed; anything else is refused. */
async function within(root: string, path: string): Promise<string> {
  const wanted = resolve(root, path)
  const there = await realpath(wanted).catch(async () => {
    const folder = await realpath(dirname(wanted)).catch(() => undefined)
    if (folder === undefined) throw new UsageError(`There is no folder for ${path}.`)
    return join(folder, basename(wanted))
  })
  const way = relative(root, there)
  if (way === '..' || way.startsWith(`..${sep}`) || resolve(root, way) !== there)
    throw new UsageError(`${path} is outside the folder that this server was given.`)
  return there
}
