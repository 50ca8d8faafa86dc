import type { DocumentRow } from '../catalog/document.ts'
import { isServiceError, ServiceError } from '../errors.ts'
import type { DocumentId, UserKey } from '../ids.ts'
import { secret } from '../secret.ts'
import type { DocumentDeps } from './deps.ts'

/** What a link is of stands in it. */
const kind = ['content link', 'content link'] as const

/** The address of our own that streams what stands in `row`, until then (epoch milliseconds). */
export async function linkTo(
  { sealer, publicUrl }: Pick<DocumentDeps, 'sealer' | 'publicUrl'>,
  { userKey, documentId, standing }: DocumentRow,
  until: number,
): Promise<string> {
  const named = JSON.stringify([userKey, documentId, standing?.changeId, until])
  return `${publicUrl()}/v1/content?link=${await sealer.seal(secret(named), ...kind)}`
}

/** What a link names; `document_not_found` for one that is not ours. */
export async function openLink({ sealer }: Pick<DocumentDeps, 'sealer'>, link: string) {
  try {
    const [userKey, documentId, changeId, until] = JSON.parse(
      (await sealer.open(link, ...kind)).reveal(),
    ) as [UserKey, DocumentId, string, number]
    return { userKey, documentId, changeId, until }
  } catch (error) {
    // What we have not sealed is nobody's link; a vault that cannot be read may be there again soon.
    if (isServiceError(error) && error.retry.retryable) throw error
    throw linkEnded()
  }
}

export function linkEnded(): ServiceError {
  return new ServiceError('document_not_found', 'This link has ended. Ask where you found it for a new one.')
}
