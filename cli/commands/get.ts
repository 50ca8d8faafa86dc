import { createWriteStream } from 'node:fs'
import { link, rename, rm, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Download } from '../../client/src/node.ts'
import type { Command } from '../command.ts'
import { CommandError, exitCodes, UsageError } from '../exit-codes.ts'
import { humanBytes } from '../output.ts'

export const get: Command = {
  name: 'get',
  takes: '<documentId>',
  summary: 'Fetch a document from the drive.',
  help: [
    ['--output, -o <file>', 'where to; - is standard output; the document’s own name when left out'],
    ['--range <first-last>', 'only these bytes, both included; 100- to the end, -100 the last ones'],
    ['--force', 'write over a file that exists'],
  ],
  options: { output: { type: 'string', short: 'o' }, range: { type: 'string' }, force: { type: 'boolean' } },
  arguments: [1, 1],
  async run({ positionals: [documentId = ''], output, signal, text, flag, driveway }) {
    const range = rangeOf(text('range'))
    const wanted = text('output')
    if (wanted !== undefined && wanted !== '-' && !flag('force')) await requireFree(wanted)
    const client = await driveway()
    const progress = output.progress(documentId)
    const onProgress = ({
      bytesReceived,
      bytesTotal,
    }: {
      bytesReceived: number
      bytesTotal: number | undefined
    }) =>
      progress.update(
        bytesTotal === undefined ? 0 : bytesReceived / Math.max(1, bytesTotal),
        humanBytes(bytesReceived),
      )
    try {
      const download = await client.download(documentId, { range, signal, onProgress })
      if (wanted === '-') {
        await pipeline(chunksOf(download), keepOpen(process.stdout), { signal })
        return
      }
      // A name that a server proposes never leads out of this folder.
      const file = wanted ?? safeName(download.fileName, documentId)
      if (wanted === undefined && !flag('force')) await requireFree(file)
      const bytes = await save(download, file, flag('force'), signal)
      progress.end()
      output.result(
        { documentId, file, bytes, contentType: download.contentType },
        () => `✓ ${documentId} → ${file} (${humanBytes(bytes)})`,
      )
    } finally {
      progress.end()
    }
  },
}

/** Nothing half-done ever stands under the file's own name. */
async function save(download: Download, file: string, force: boolean, signal: AbortSignal): Promise<number> {
  const part = `${file}.${process.pid}.part`
  try {
    await pipeline(chunksOf(download), createWriteStream(part), { signal })
    const { size } = await stat(part)
    // A link, unlike a rename, refuses to take the place of a file that came in between.
    if (force) await rename(part, file)
    else await link(part, file)
    return size
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') throw taken(file)
    throw error
  } finally {
    await rm(part, { force: true })
  }
}

async function* chunksOf(download: Download): AsyncGenerator<Uint8Array> {
  const reader = download.body.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } finally {
    await reader.cancel()
  }
}

/** Standard output must not be ended by a pipeline. */
function keepOpen(stream: NodeJS.WriteStream): Writable {
  return new Writable({
    write(chunk, _encoding, done) {
      stream.write(chunk, done)
    },
  })
}

async function requireFree(file: string): Promise<void> {
  if ((await stat(file).catch(() => undefined)) !== undefined) throw taken(file)
}

function taken(file: string): CommandError {
  return new CommandError(
    exitCodes.conflict,
    `${file} exists. Write over it with --force, or elsewhere with --output.`,
  )
}

function safeName(proposed: string | undefined, documentId: string): string {
  const name = basename((proposed ?? documentId).replaceAll('\\', '/'))
  return /^[^\p{Control}]+$/u.test(name) && name !== '.' && name !== '..' ? name : documentId
}

function rangeOf(
  text: string | undefined,
): { first: number; last?: number } | { suffix: number } | undefined {
  if (text === undefined) return undefined
  const [, first = '', last = ''] = /^(\d*)-(\d*)$/.exec(text) ?? []
  if (first === '' && last === '') throw new UsageError('--range takes first-last, first- or -count.')
  if (first === '') return { suffix: Number(last) }
  return last === '' ? { first: Number(first) } : { first: Number(first), last: Number(last) }
}
