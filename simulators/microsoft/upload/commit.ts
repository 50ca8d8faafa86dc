import { base64Hash, readDigests } from '../drive/digests.ts'
import type { Stored } from '../drive/operations.ts'
import { commitFile } from '../drive/operations.ts'
import type { Context, UploadSession } from '../drive/records.ts'

/**
 * Makes the file of a session whose bytes are all here; the session is gone afterwards. When the name is
 * taken, or space or the eTag does not allow it, that is thrown and the session stays with its bytes.
 */
export async function commitSession(context: Context, session: UploadSession): Promise<Stored> {
  const size = await context.blobs.grow(session.blob, session.rewritten ?? 0)
  const digests = await readDigests(context, session.blob)
  const stored = commitFile(context, {
    email: session.account,
    parentId: session.parentId,
    name: session.name,
    conflict: session.conflict,
    ifMatch: session.ifMatch,
    blob: session.blob,
    size,
    quickXorHash: base64Hash(digests),
    sha256: digests.sha256,
    description: session.description,
    fileSystemInfo: session.fileSystemInfo,
    sessionId: session.id,
  })
  for (const each of stored.obsolete) await context.blobs.delete(each)
  return stored
}
