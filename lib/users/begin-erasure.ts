import type { ConnectionStore } from '../catalog/connections.ts'
import type { DocumentStore } from '../catalog/documents.ts'
import type { Erasure, ErasureStore } from '../catalog/erasures.ts'
import { isUnderWay } from '../catalog/erasures.ts'
import { ServiceError } from '../errors.ts'
import type { NewId, Owner, UserId } from '../ids.ts'

export interface BeginErasureDeps {
  readonly erasures: Pick<ErasureStore, 'get' | 'begin'>
  readonly connections: Pick<ConnectionStore, 'rows'>
  readonly documents: Pick<DocumentStore, 'list'>
  readonly newId: NewId
}

const tries = 5

/**
 * Begins the erasure of a user, who need not be known. The same again while it is under way, and after it
 * until the user has come back and left something new. The work is done by the next run.
 */
export async function beginErasure(
  deps: BeginErasureDeps,
  owner: Owner,
  files: Erasure['files'],
): Promise<Erasure> {
  for (let attempt = 1; attempt <= tries; attempt += 1) {
    const seen = await deps.erasures.get(owner.userId)
    if (seen && (isUnderWay(seen) || !(await isBack(deps, owner)))) return seen
    const begun = await deps.erasures.begin(owner, { id: deps.newId(), files }, seen)
    if (begun) return begun
  }
  throw new ServiceError('provider_unavailable', 'The erasure is changed by too many at once. Try again.', {
    retry: { retryable: true, afterSeconds: 1 },
  })
}

async function isBack({ connections, documents }: BeginErasureDeps, { userKey }: Owner): Promise<boolean> {
  if ((await connections.rows(userKey)).length > 0) return true
  return (await documents.list(userKey, 1, undefined)).rows.length > 0
}

/** The erasure of a user; `not_found` when there was none. */
export async function getErasure(
  { erasures }: { readonly erasures: Pick<ErasureStore, 'get'> },
  userId: UserId,
): Promise<Erasure> {
  const erasure = await erasures.get(userId)
  if (erasure) return erasure
  throw new ServiceError('not_found', 'This user was never erased, or longer ago than receipts are kept.')
}

/** For whatever begins a connection: nothing new is begun for a user until their erasure is done. */
export async function refuseWhileErased(
  { erasures }: { readonly erasures: Pick<ErasureStore, 'get'> },
  { userId }: Owner,
): Promise<void> {
  if (!isUnderWay(await erasures.get(userId))) return
  throw new ServiceError(
    'forbidden',
    'This user is being erased. Nothing can be connected until that is done.',
  )
}
