import { stat } from 'node:fs/promises'
import { contentTypeOf } from '../../client/src/content-types.ts'
import { fileSource } from '../../client/src/node.ts'
import type { Document, Driveway } from '../../client/src/node.ts'
import { minPartsBytes } from '../../client/src/upload.ts'
import type { Command, Context } from '../command.ts'
import { documentIdOf, extensionOf } from '../document-names.ts'
import { UsageError } from '../exit-codes.ts'
import { errorFields, humanBytes } from '../output.ts'
import type { Progress } from '../output.ts'
import { gatherFiles, withStandardInput } from '../upload-files.ts'

const parallel = 3

interface Job {
  readonly path: string
  readonly name: string
  readonly size: number
  readonly documentId: string
}

export const put: Command = {
  name: 'put',
  takes: '<file | folder | ->… [name | folder/]',
  summary: 'Store files in the drive, under their own names or the one given; - is standard input.',
  help: [
    ['--id <documentId>', 'the document’s name; from the file’s name when left out'],
    ['--name <name>', 'what people call it; the file’s own name when left out'],
    ['--connection <connection>', 'which drive; may be left out when one is connected'],
    ['--type <media type>', 'from the file’s name when left out'],
    ['--extension <.ext>', 'from the file’s name when left out'],
    ['--if-exists <what>', 'fail, replace or skip; fail when left out'],
    ['--dry-run', 'only say what would be done'],
  ],
  options: {
    id: { type: 'string' },
    name: { type: 'string' },
    connection: { type: 'string' },
    type: { type: 'string' },
    extension: { type: 'string' },
    'if-exists': { type: 'string' },
    'dry-run': { type: 'boolean' },
  },
  arguments: [1, Infinity],
  async run(context) {
    const { positionals, signal, text } = context
    if (positionals.includes('-')) {
      const id = text('id')
      if (positionals.length > 1 || id === undefined)
        throw new UsageError(
          'Standard input is one document and needs a name: driveway put - --id <documentId>',
        )
      const name = `${id}${text('extension') ?? ''}`
      await withStandardInput(signal, (path, size) => putAll(context, [{ path, name, size, documentId: id }]))
      return
    }
    const { sources, to } = await splitWords(positionals)
    const { files, hidden } = await gatherFiles(sources)
    if (hidden > 0)
      context.output.note(`${hidden} hidden ${hidden === 1 ? 'file is' : 'files are'} left out.`)
    if (files.length === 0) throw new UsageError('There is nothing to store.')
    const id = text('id')
    if (id !== undefined && files.length > 1)
      throw new UsageError('--id names one document, and there are several files.')
    if (text('name') !== undefined && files.length > 1)
      throw new UsageError('--name is for one document, and there are several files.')
    const into = to === undefined || (files.length === 1 && !to.endsWith('/')) ? to : to.replace(/\/?$/, '/')
    const jobs = files.map((file) => {
      const name = into?.endsWith('/') === true ? `${into}${file.name}` : (into ?? file.name)
      return { ...file, name, documentId: id ?? documentIdOf(name) }
    })
    requireOneEach(jobs)
    await putAll(context, jobs)
  },
}

/** As `cp` has it: the last of several words is where to, unless it is there to be stored itself. */
async function splitWords(
  words: readonly string[],
): Promise<{ readonly sources: readonly string[]; readonly to?: string }> {
  const to = words.at(-1) ?? ''
  const isThere = (await stat(to).catch(() => undefined)) !== undefined
  if (words.length < 2 || (isThere && !to.endsWith('/')) || (words.length > 2 && !to.endsWith('/')))
    return { sources: words }
  const below = to.replace(/^(?:\.?\/)+/, '')
  return { sources: words.slice(0, -1), ...(below === '' ? {} : { to: below }) }
}

/** Two files of one name from different folders would be one document, and the second never stored. */
function requireOneEach(jobs: readonly Job[]): void {
  const first = new Map<string, Job>()
  for (const job of jobs) {
    const other = first.get(job.documentId)
    if (other !== undefined)
      throw new UsageError(
        `${other.path} and ${job.path} would be one document, ${job.documentId}. Store them one by one with --id, or the folder that holds both.`,
      )
    first.set(job.documentId, job)
  }
}

async function putAll(context: Context, jobs: readonly Job[]): Promise<void> {
  const { output, signal } = context
  const driveway = await context.driveway()
  const total = Math.max(
    1,
    jobs.reduce((sum, job) => sum + job.size, 0),
  )
  const progress = output.progress(jobs.length === 1 ? (jobs[0]?.name ?? '') : `${jobs.length} files`)
  const fractions = new Map<Job, number>()
  const failures: unknown[] = []
  const report = (job: Job, fraction: number, phase: string) => {
    fractions.set(job, fraction)
    const done = [...fractions].reduce((sum, [each, part]) => sum + each.size * part, 0)
    progress.update(jobs.length === 1 ? fraction : done / total, `${humanBytes(job.size)} ${phase}`)
  }
  const queue = [...jobs]
  const work = async () => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
      try {
        await putOne(context, driveway, job, progress, report)
      } catch (error) {
        if (signal.aborted) {
          if (job.size >= minPartsBytes) output.note('The same command goes on where this one stopped.')
          throw error
        }
        failures.push(error)
        if (jobs.length > 1) {
          progress.end()
          if (output.json)
            output.result({ file: job.name, documentId: job.documentId, error: errorFields(error) }, () => '')
          else output.ask(`✗ ${job.name}: ${error instanceof Error ? error.message : String(error)}`)
        }
      }
    }
  }
  try {
    await Promise.all(Array.from({ length: Math.min(parallel, jobs.length) }, work))
  } finally {
    progress.end()
  }
  if (failures.length > 0) throw failures[0]
}

async function putOne(
  context: Context,
  driveway: Driveway,
  job: Job,
  progress: Progress,
  report: (job: Job, fraction: number, phase: string) => void,
): Promise<void> {
  const { output, signal, text } = context
  const ifExists = text('if-exists') ?? 'fail'
  if (ifExists !== 'fail' && ifExists !== 'replace' && ifExists !== 'skip')
    throw new UsageError('--if-exists takes fail, replace or skip.')
  const isDry = context.flag('dry-run')
  const isThere =
    (isDry || ifExists === 'skip') && (await driveway.documents.exists(job.documentId, { signal }))
  if (isDry) {
    progress.end()
    const would = isThere ? { skip: 'skip', replace: 'replace', fail: 'refuse' }[ifExists] : 'store'
    output.result(
      { file: job.name, documentId: job.documentId, size: job.size, would },
      () => `Would ${would} ${job.name} (${job.documentId}, ${humanBytes(job.size)})`,
    )
    return
  }
  if (isThere && ifExists === 'skip') {
    report(job, 1, 'there already')
    progress.end()
    output.result(
      { file: job.name, documentId: job.documentId, skipped: true },
      () => `- ${job.name} is there already (${job.documentId})`,
    )
    return
  }
  // `put a.pdf backup/a` stores a PDF still.
  const typed = extensionOf(job.name) === '' ? job.path : job.name
  const document = await driveway.upload(await fileSource(job.path), {
    documentId: job.documentId,
    connectionId: text('connection'),
    name: text('name') ?? job.name,
    contentType: text('type') ?? contentTypeOf(extensionOf(typed)),
    extension: text('extension') ?? extensionOf(typed),
    ifExists: ifExists === 'replace' ? 'replace' : 'fail',
    // The id is the name's at every run, so the same command finds what it left.
    resumable: true,
    signal,
    onProgress: ({ fraction, phase }) => report(job, fraction, phase),
  })
  progress.end()
  output.result(
    { file: job.name, document },
    () => `✓ ${job.name} → ${document.id} (${humanBytes(document.size)}${proof(document)})`,
  )
}

function proof(document: Document): string {
  return document.checksum === undefined ? '' : `, ${document.checksum.verdict.replaceAll('_', ' ')}`
}
