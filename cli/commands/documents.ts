import type { Document } from '../../client/src/node.ts'
import { requireStored } from '../../client/src/settle.ts'
import type { Command } from '../command.ts'
import { UsageError } from '../exit-codes.ts'
import { documentsLike, documentsMeant } from '../find-documents.ts'
import { humanBytes, table } from '../output.ts'

const statuses = ['receiving', 'uploading', 'stored', 'parked', 'failed'] as const

export const ls: Command = {
  name: 'ls',
  takes: '[beginning | glob]',
  summary: 'List documents: all, or those whose id or name begins so or fits a glob.',
  help: [
    ['--connection <connection>', 'only those of this drive'],
    ['--status <status>', statuses.join(', ')],
    ['--limit <n>', 'at most this many; all when left out'],
  ],
  options: { connection: { type: 'string' }, status: { type: 'string' }, limit: { type: 'string' } },
  arguments: [0, 1],
  async run({ positionals: [like = ''], output, signal, text, driveway }) {
    const status = statuses.find((name) => name === text('status'))
    if (text('status') !== undefined && status === undefined)
      throw new UsageError(`--status takes ${statuses.join(', ')}.`)
    const limit = Number(text('limit') ?? Infinity)
    if (Number.isNaN(limit) || limit < 1) throw new UsageError('--limit takes a number.')
    const query = { connectionId: text('connection'), status, limit: Math.min(200, limit) }
    const found: Document[] = []
    const client = await driveway()
    const all =
      like === '' ? client.documents.all(query, { signal }) : documentsLike(client, like, query, signal)
    for await (const document of all) {
      // One at a time: a machine can begin before the last page is there.
      if (output.json) output.result(document, () => '')
      if (found.push(document) >= limit) break
    }
    if (output.json) return
    output.result(found, () => listing(found))
  },
}

/** A table of documents for people. */
export function listing(documents: readonly Document[]): string {
  if (documents.length === 0) return 'No documents.'
  const rows = documents.map((document) => [
    document.id,
    document.status,
    humanBytes(document.size),
    document.provider,
    document.checksum?.verdict ?? '',
    document.updatedAt,
    document.name ?? '',
  ])
  return table(['DOCUMENT', 'STATUS', 'SIZE', 'PROVIDER', 'PROOF', 'UPDATED', 'NAME'], rows)
}

export const rm: Command = {
  name: 'rm',
  takes: '<document | folder/ | glob>…',
  summary: 'Delete documents, in the drive too.',
  help: [
    ['--permanent', 'past the drive’s bin, where the drive can'],
    ['--dry-run', 'only say what would be deleted'],
  ],
  options: { permanent: { type: 'boolean' }, 'dry-run': { type: 'boolean' } },
  arguments: [1, Infinity],
  async run({ positionals, output, signal, flag, driveway }) {
    const client = await driveway()
    const isDry = flag('dry-run')
    for (const wanted of positionals) {
      const found = await documentsMeant(client, wanted, signal)
      if (found.length === 0) output.result({ missing: wanted }, () => `${wanted} was not there`)
      for (const { id } of found) {
        if (!isDry) await client.documents.delete(id, { permanent: flag('permanent'), signal })
        output.result(isDry ? { wouldDelete: id } : { deleted: id }, () =>
          isDry ? `Would delete ${id}` : `Deleted ${id}`,
        )
      }
    }
  },
}

export const status: Command = {
  name: 'status',
  takes: '<documentId>',
  summary:
    'Show how a document stands; with --watch until it is stored. Ends with the exit code of its outcome.',
  help: [['--watch, -w', 'follow it until it is stored, failed or parked']],
  options: { watch: { type: 'boolean', short: 'w' } },
  arguments: [1, 1],
  async run({ positionals: [documentId = ''], output, signal, flag, driveway }) {
    const client = await driveway()
    if (!flag('watch')) {
      const document = await client.documents.stat(documentId, { signal })
      output.result({ document }, () => words(document))
      if (document.status === 'failed' || document.status === 'parked') requireStored(document, document.size)
      return
    }
    const progress = output.progress(documentId)
    let last: Document | undefined
    try {
      for await (const document of client.documents.watch(documentId, { signal })) {
        last = document
        if (output.json) output.result({ document }, () => '')
        const { bytesTransferred = 0, bytesTotal = document.size } = document.progress ?? {}
        progress.update(bytesTransferred / Math.max(1, bytesTotal), document.status)
      }
    } finally {
      progress.end()
    }
    if (last === undefined) return
    const settled = last
    if (!output.json) output.result({}, () => words(settled))
    requireStored(settled, settled.size)
  },
}

function words(document: Document): string {
  const { progress, checksum, error } = document
  return [
    `${document.id}: ${document.status}, ${humanBytes(document.size)}, ${document.contentType}, ${document.provider}`,
    ...(progress === undefined
      ? []
      : [`  ${humanBytes(progress.bytesTransferred)} of ${humanBytes(progress.bytesTotal)} in the drive`]),
    ...(checksum === undefined
      ? []
      : [`  ${checksum.verdict.replaceAll('_', ' ')} by ${checksum.algorithm} ${checksum.value}`]),
    ...(error === undefined ? [] : [`  ${error.detail} (${error.code})`]),
  ].join('\n')
}
