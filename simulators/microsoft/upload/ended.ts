import { nameKey } from '../drive/names.ts'
import type { Context, Item, UploadSession } from '../drive/records.ts'

/** Forgets those sessions that have run out, with what they had received. */
export async function dropExpired(context: Context, sessions: UploadSession[]): Promise<void> {
  const now = context.clock.now()
  await drop(
    context,
    sessions.filter((session) => session.expiresAt <= now),
  )
}

/**
 * Ends the sessions that write into one of these items, which have just been removed, or into a folder among
 * them: their URLs answer 404 from then on, as has been seen where the placeholder of an upload was removed.
 */
export async function endSessionsOn(context: Context, removed: readonly Item[]): Promise<void> {
  const ids = new Set(removed.map((item) => item.id))
  const places = new Set(removed.map((item) => `${item.parentId}/${nameKey(item.name)}`))
  const [item] = removed
  const open = item === undefined ? [] : context.tables.sessions.where('account', item.account)
  await drop(
    context,
    open.filter(
      (session) => ids.has(session.parentId) || places.has(`${session.parentId}/${nameKey(session.name)}`),
    ),
  )
}

async function drop(context: Context, sessions: readonly UploadSession[]): Promise<void> {
  for (const session of sessions) {
    context.tables.sessions.delete(session.id)
    await context.blobs.delete(session.blob)
  }
}
