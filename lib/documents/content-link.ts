import { isDeleted } from '../catalog/document.ts'
import type { DocumentDeps } from './deps.ts'
import type { ContentRequest, GetOutcome } from './get-document.ts'
import { answerContent } from './get-document.ts'
import { linkEnded, linkTo, openLink } from './link-token.ts'
import type { DocumentOf, Stored } from './stat-document.ts'
import { requireDocument, standingIn, storedIn } from './stat-document.ts'

export interface ContentLink {
  readonly url: string
  readonly expiresAt: string
}

/** A link to what stands, good for `minutes`; it ends sooner with that version, or with its connection. */
export async function createContentLink(
  deps: DocumentDeps,
  request: DocumentOf & { readonly minutes: number },
): Promise<ContentLink> {
  const found = await requireDocument(deps, request)
  standingIn(found)
  const until = deps.clock.now() + request.minutes * 60_000
  return { url: await linkTo(deps, found.row, until), expiresAt: new Date(until).toISOString() }
}

/** The bytes behind a link. The row is read each time, so a link ends with what it names. */
export async function openContentLink(
  deps: DocumentDeps,
  link: string,
  request: ContentRequest,
): Promise<GetOutcome> {
  const { userKey, documentId, changeId, until } = await openLink(deps, link)
  const read = async (): Promise<Stored> => {
    const ended = until <= deps.clock.now()
    const { row, connection } = ended ? {} : await deps.readBoth({ userKey, documentId })
    if (!row || isDeleted(row) || row.standing?.changeId !== changeId) throw linkEnded()
    return await storedIn(deps, { row, connection })
  }
  return await answerContent(deps, read, { ...request, isLink: true })
}
