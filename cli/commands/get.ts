import { createHash } from 'node:crypto'
import { mkdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Download, Driveway } from '../../client/src/node.ts'
import type { Command, Context } from '../command.ts'
import { CommandError, exitCodes, UsageError } from '../exit-codes.ts'
import { documentsMeant, meansMany, nothing, withDocument } from '../find-documents.ts'
import { errorFields, humanBytes } from '../output.ts'
import { chunksOf, saveFile, taken } from '../save-file.ts'

export const get: Command = {
  name: 'get',
  takes: '<document | folder/ | glob> [file | folder/]',
  summary: 'Fetch documents from the drive, under their own names or the one given.',
  help: [
    ['--output, -o <file>', 'as the second word; - is standard output'],
    ['--range <first-last>', 'only these bytes, both included; 100- to the end, -100 the last ones'],
    ['--force', 'write over a file that exists'],
  ],
  options: { output: { type: 'string', short: 'o' }, range: { type: 'string' }, force: { type: 'boolean' } },
  arguments: [1, 2],
  async run(context) {
    const { positionals, signal, text } = context
    const [word = '', where] = positionals
    const place = text('output') ?? where
    const client = await context.driveway()
    if (meansMany(word)) {
      await getAll(context, client, word, place)
      return
    }
    const isFolder = place !== undefined && place !== '-' && (await isDirectory(place))
    const to = isFolder ? { folder: place } : { file: place }
    if (to.file !== undefined && to.file !== '-') await requireFree(context, to.file)
    await withDocument(client, word, signal, (id) => getOne(context, client, id, to))
  },
}

/** Every document that a word means, into one folder; one that fails does not stop the others. */
async function getAll(
  context: Context,
  client: Driveway,
  word: string,
  place: string | undefined,
): Promise<void> {
  const { output, signal, text } = context
  if (place === '-' || text('range') !== undefined)
    throw new UsageError('Several documents go into a folder, whole. See: driveway help cat')
  const found = await documentsMeant(client, word, signal)
  if (found.length === 0) throw nothing(word)
  const failures: unknown[] = []
  for (const { id, name } of found) {
    const below = (name ?? '').split('/').slice(0, -1)
    const folder = join(place ?? '.', ...below.filter(isSafe))
    await getOne(context, client, id, { folder }).catch((error: unknown) => {
      if (signal.aborted) throw error
      failures.push(error)
      if (output.json) output.result({ documentId: id, error: errorFields(error) }, () => '')
      else output.ask(`✗ ${id}: ${error instanceof Error ? error.message : String(error)}`)
    })
  }
  if (failures.length > 0) throw failures[0]
}

async function getOne(
  context: Context,
  client: Driveway,
  documentId: string,
  to: { readonly file?: string | undefined; readonly folder?: string },
): Promise<void> {
  const { output, signal, text, flag } = context
  const range = rangeOf(text('range'))
  const progress = output.progress(documentId)
  const fetch = (first: number): Promise<Download> =>
    client.download(documentId, {
      range: first > 0 ? { first } : range,
      signal,
      onProgress({ bytesReceived, bytesTotal }) {
        const [received, total] = [first + bytesReceived, first + (bytesTotal ?? Infinity)]
        progress.update(received / Math.max(1, total), humanBytes(received))
      },
    })
  try {
    if (to.file === '-') {
      await pipeline(chunksOf(await fetch(0)), keepOpen(process.stdout), { signal })
      return
    }
    const found = await client.documents.stat(documentId, { signal })
    // A name that somebody has given never leads out of this folder.
    const called = found.name ?? `${documentId}${found.extension ?? ''}`
    const file = to.file ?? join(to.folder ?? '.', safeName(called, documentId))
    if (to.file === undefined) await requireFree(context, file)
    if (to.folder !== undefined) await mkdir(to.folder, { recursive: true })
    const { etag, contentType } = found
    const content = createHash('sha256')
      .update(`${documentId} ${etag ?? ''}`)
      .digest('hex')
      .slice(0, 16)
    const version = etag === undefined || range !== undefined ? undefined : content
    const bytes = await saveFile({ file, version, force: flag('force'), signal }, async (first) => {
      if (first > 0) output.note(`Goes on at ${humanBytes(first)}.`)
      const download = await fetch(first)
      if (first === 0 || (await client.documents.stat(documentId, { signal })).etag === etag) return download
      await download.body.cancel()
      throw new CommandError(exitCodes.integrity, `${documentId} was replaced meanwhile. Try again.`)
    })
    progress.end()
    output.result(
      { documentId, file, bytes, contentType },
      () => `✓ ${documentId} → ${file} (${humanBytes(bytes)})`,
    )
  } finally {
    progress.end()
  }
}

export const cat: Command = {
  name: 'cat',
  takes: '<document>…',
  summary: 'Write documents to standard output, one after the other.',
  help: [],
  options: {},
  arguments: [1, Infinity],
  async run({ positionals, signal, driveway }) {
    const client = await driveway()
    for (const word of positionals) {
      const download = await withDocument(client, word, signal, (id) => client.download(id, { signal }))
      await pipeline(chunksOf(download), keepOpen(process.stdout), { signal })
    }
  },
}

async function isDirectory(path: string): Promise<boolean> {
  return path.endsWith('/') || (await stat(path).catch(() => undefined))?.isDirectory() === true
}

/** Standard output must not be ended by a pipeline. */
function keepOpen(stream: NodeJS.WriteStream): Writable {
  return new Writable({
    write(chunk, _encoding, done) {
      stream.write(chunk, done)
    },
  })
}

async function requireFree({ flag }: Context, file: string): Promise<void> {
  if (!flag('force') && (await stat(file).catch(() => undefined)) !== undefined) throw taken(file)
}

function safeName(proposed: string, documentId: string): string {
  const name = basename(proposed.replaceAll('\\', '/'))
  return isSafe(name) ? name : documentId
}

/** True for what is a name in a folder, and leads nowhere else. */
const isSafe = (name: string): boolean => /^[^\p{Control}\\]+$/u.test(name) && name !== '.' && name !== '..'

function rangeOf(
  text: string | undefined,
): { first: number; last?: number } | { suffix: number } | undefined {
  if (text === undefined) return undefined
  const [, first = '', last = ''] = /^(\d*)-(\d*)$/.exec(text) ?? []
  if (first === '' && last === '') throw new UsageError('--range takes first-last, first- or -count.')
  if (first === '') return { suffix: Number(last) }
  return last === '' ? { first: Number(first) } : { first: Number(first), last: Number(last) }
}
