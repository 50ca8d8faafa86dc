import { createHash } from 'node:crypto'
import { extname } from 'node:path'
import type { ErrorContext } from '../errors.ts'
import { ServiceError } from '../errors.ts'

/**
 * Something else stands where a new object was to be made, or an upload that
 * nobody can end any more holds its name. Whoever creates goes on to the
 * next name; when that is taken too, waiting helps: a held name comes free.
 */
export class PlaceTaken extends ServiceError {
  override readonly name = 'PlaceTaken'

  constructor(context: ErrorContext = {}) {
    super('provider_unavailable', 'Another upload to the same place is not finished yet. Try again later.', {
      retry: { retryable: true, afterSeconds: 30 },
      context: { ...context, retryAfterSeconds: 30 },
    })
  }
}

/** A file's name; `numbered` when a person gave it. */
export interface FileName {
  readonly file: string
  readonly numbered?: true | undefined
}

/** The names that are tried, the document's own included. */
const mostNames = 3
const lastNumber = 9

/**
 * The n-th name of a file, always the same: `report.pdf`, then `report (1f0c9a2b).pdf`. The blank keeps it
 * from being another document's. What a person has named has `report (2).pdf` to `report (9).pdf` before.
 */
export function nameOf({ file, numbered }: FileName, n: number): string {
  if (n === 0) return file
  if (numbered && n < lastNumber) return markedName(file, String(n + 1))
  const mark = createHash('sha256')
    .update(`${file}\n${String(n)}`)
    .digest('hex')
    .slice(0, 8)
  return markedName(file, mark)
}

/**
 * `report (1f0c9a2b).pdf`, also of a name that has a mark: attempts
 * that go on from a recorded name pile up none.
 */
export function markedName(file: string, mark: string): string {
  const extension = extname(file)
  const stem = file.slice(0, file.length - extension.length).replace(/ \((?:[2-9]|[0-9a-f]{8})\)$/, '')
  return `${stem} (${mark})${extension}`
}

/**
 * Runs a creation under the first name of a file that is free. At a name that is
 * taken, `own` looks whether what stands there was made by an earlier attempt.
 */
export async function atFreeName<Result>(
  called: FileName,
  create: (name: string) => Promise<Result>,
  own: (name: string) => Promise<Result | undefined>,
): Promise<Result> {
  for (let n = 0; ; n += 1) {
    const name = nameOf(called, n)
    try {
      return await create(name)
    } catch (error) {
      if (!(error instanceof PlaceTaken)) throw error
      const found = await own(name)
      if (found !== undefined) return found
      if (n + 1 >= mostNames + (called.numbered ? lastNumber - 1 : 0)) throw error
    }
  }
}
