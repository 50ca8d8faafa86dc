import { graphError, nameTaken } from '../graph/errors.ts'
import type { GraphCall } from '../graph/call.ts'
import { conflictBehavior, headerOf, queryConflict, targetPlace } from '../graph/call.ts'
import { answerItem, assertNoneMatch } from '../graph/write.ts'
import { odata } from '../graph/read.ts'
import { contentOrigin, signLink } from '../drive/links.ts'
import { assertName, childKey, nameKey } from '../drive/names.ts'
import { assertMatch, assertSpace } from '../drive/operations.ts'
import type { Account, Context, UploadSession } from '../drive/records.ts'
import { newGuid } from '../drive/ids.ts'
import { childNamed } from '../drive/tree.ts'
import { commitSession } from './commit.ts'
import { dropExpired } from './ended.ts'
import { credentialEnd, nextExpiry, sessionStatus } from './rules.ts'
import { commitBody, readBody, timesOf, uploadSessionBody } from '../graph/wire.ts'

/**
 * `POST .../createUploadSession`. Personal accounts get another URL each time; a work account's
 * session holds the name and a second one gets 409 until the first is deleted or runs out.
 * https://learn.microsoft.com/graph/api/driveitem-createuploadsession
 */
export async function createUploadSession(call: GraphCall): Promise<void> {
  const { context, account, x } = call
  const { item, deferCommit } = await readBody(x, uploadSessionBody)
  const conflict = conflictBehavior(item?.['@microsoft.graph.conflictBehavior'], queryConflict(x, 'replace'))
  if (account.kind === 'personal' && call.address.path.length === 0) {
    // Seen on personal accounts, although the documentation lists this form too.
    // https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/7838
    throw graphError(400, 'invalidRequest', 'File name not provided in url')
  }
  const { parent, name } = targetPlace(call)
  if (item?.name !== undefined && nameKey(item.name) !== nameKey(name)) {
    throw graphError(400, 'invalidRequest', 'The name does not match the one in the URL.', 'invalidArgument')
  }
  if (item?.fileSize === 0)
    throw graphError(400, 'invalidRequest', 'Upload a zero-byte file with a simple PUT.')
  await dropExpired(context, context.tables.sessions.where('target', childKey(parent.id, name)))
  const existing = childNamed(context.tables, parent.id, name)
  const ifMatch = headerOf(x, 'if-match')
  assertMatch(existing, ifMatch)
  assertNoneMatch(existing, headerOf(x, 'if-none-match'))
  if (existing?.kind === 'folder' && conflict !== 'rename') throw nameTaken()
  if (
    account.kind === 'business' &&
    context.tables.sessions.where('target', childKey(parent.id, name)).length > 0
  ) {
    throw nameTaken('An upload session already exists for this file')
  }
  if (item?.fileSize !== undefined) assertSpace(account, item.fileSize, existing)

  const now = context.clock.now()
  const session: UploadSession = {
    id: newGuid(context.random),
    account: account.email,
    parentId: parent.id,
    name,
    conflict,
    ifMatch,
    deferCommit: deferCommit ?? false,
    description: item?.description ?? null,
    fileSystemInfo: timesOf(item?.fileSystemInfo),
    blob: newGuid(context.random),
    total: null,
    received: 0,
    rewritten: x.rewrites(name),
    createdAt: now,
    expiresAt: nextExpiry(account.kind, now, now),
  }
  context.tables.sessions.put(session.id, session)
  await x.json(200, {
    ...odata(call, 'microsoft.graph.uploadSession'),
    uploadUrl: uploadUrl(context, account, session, x.origin),
    ...sessionStatus(session),
  })
}

/** The one secret of a session: whoever has it can write, without a bearer. */
function uploadUrl(context: Context, account: Account, session: UploadSession, origin: string): string {
  const end = credentialEnd(account.kind, session.createdAt)
  const query = new URLSearchParams({
    guid: session.id,
    tempauth: signLink(context.secret, `upload:${session.id}`, end),
  })
  return `${contentOrigin(origin)}/_api/v2.0/drives/${account.driveId}/uploadSession?${query.toString()}`
}

/**
 * `PUT /me/drive/root:/{path}` with the upload URL as `sourceUrl`: commits a deferred session, or one
 * whose last fragment met a taken name, under the name and with the conflict behaviour given here.
 */
export async function commitFromSource(call: GraphCall): Promise<void> {
  const { context, x } = call
  const body = await readBody(x, commitBody)
  const source = body['@microsoft.graph.sourceUrl'] ?? body['@content.sourceUrl']
  if (source === undefined) throw graphError(400, 'invalidRequest', 'A sourceUrl is required.')
  const id = URL.canParse(source) ? new URL(source).searchParams.get('guid') : null
  const session = context.tables.sessions.get(id ?? '')
  if (
    session === undefined ||
    session.account !== call.account.email ||
    session.expiresAt <= context.clock.now()
  ) {
    throw graphError(404, 'itemNotFound', 'The upload session was not found')
  }
  if (session.received !== session.total) {
    throw graphError(400, 'invalidRequest', 'The upload session has not received all of its bytes.')
  }
  const place = targetPlace(call)
  const name = body.name ?? place.name
  assertName(name, call.account.kind)
  const conflict = conflictBehavior(body['@microsoft.graph.conflictBehavior'], queryConflict(x, 'fail'))
  const stored = await commitSession(context, { ...session, parentId: place.parent.id, name, conflict })
  await answerItem(call, stored.created ? 201 : 200, stored.item)
}
