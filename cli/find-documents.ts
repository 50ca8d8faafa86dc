import { isDrivewayError } from '../client/src/errors.ts'
import type { Document, Driveway } from '../client/src/node.ts'
import { CommandError, exitCodes } from './exit-codes.ts'

const idPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/

/** True for a word that may mean several documents: a glob, or `folder/`. */
export const meansMany = (word: string): boolean => /[*?]|\/$/.test(word)

/** `scans/*.pdf` as a pattern: `*` is anything but a slash, `**` anything, `?` one sign. */
function globPattern(glob: string): RegExp {
  const body = glob.replaceAll(/\*\*|[*?]|[\\^$.|+()[\]{}]/g, (sign) => {
    if (sign === '**') return '.*'
    if (sign === '*') return '[^/]*'
    return sign === '?' ? '[^/]' : `\\${sign}`
  })
  return new RegExp(`^${body}$`, 'su')
}

/** Documents whose id or name fits a glob, or begins with a text that has none. */
export async function* documentsLike(
  driveway: Driveway,
  text: string,
  query: Parameters<Driveway['documents']['all']>[0],
  signal: AbortSignal,
): AsyncGenerator<Document, void> {
  const beginning = text.split(/[*?]/, 1)[0] ?? ''
  const pattern = beginning === text ? undefined : globPattern(text)
  const q = beginning === '' ? {} : { q: beginning }
  for await (const document of driveway.documents.all({ ...query, ...q }, { signal })) {
    const names = [document.id, document.name ?? '']
    // The API's own answer ignores capitals; a glob, as in a shell, does not.
    if (!pattern || names.some((name) => pattern.test(name))) yield document
  }
}

/**
 * What a word means: one document by its id or, where no id is so, by its whole name; all whose name begins
 * with `folder/`; or all that fit a glob. A name that several have means none of them.
 */
export async function documentsMeant(
  driveway: Driveway,
  word: string,
  signal: AbortSignal,
): Promise<Document[]> {
  const like: Document[] = []
  for await (const document of documentsLike(driveway, word, {}, signal)) like.push(document)
  if (word.endsWith('/')) return like.filter(({ name }) => name?.startsWith(word))
  if (meansMany(word)) return like
  const byId = like.find(({ id }) => id === word)
  if (byId) return [byId]
  const named = like.filter(({ name }) => name === word)
  if (named.length > 1) throw several(word, named)
  return named
}

/** Does `use` with the id of the one document that a word means. An id costs no look-up. */
export async function withDocument<T>(
  driveway: Driveway,
  word: string,
  signal: AbortSignal,
  use: (documentId: string) => Promise<T>,
): Promise<T> {
  let refused: Error | undefined
  if (idPattern.test(word)) {
    try {
      return await use(word)
    } catch (error) {
      if (!isDrivewayError(error, 'document_not_found')) throw error
      refused = error
    }
  }
  const [document, ...others] = await documentsMeant(driveway, word, signal)
  if (document === undefined) throw refused ?? nothing(word)
  if (others.length > 0) throw several(word, [document, ...others])
  return await use(document.id)
}

export function nothing(word: string): CommandError {
  return new CommandError(exitCodes.notFound, `There is no document ${word}.`)
}

function several(word: string, documents: readonly Document[]): CommandError {
  const ids = documents.slice(0, 5).map(({ id }) => id)
  const more = documents.length > ids.length ? ', …' : ''
  return new CommandError(
    exitCodes.conflict,
    `${word} means ${documents.length} documents: ${ids.join(', ')}${more}. Name one by its id.`,
  )
}
