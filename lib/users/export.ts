import type { Connection, ConnectionStore } from '../catalog/connections.ts'
import type { Change, DocumentRow } from '../catalog/document.ts'
import type { DocumentStore } from '../catalog/documents.ts'
import type { GrantStore } from '../catalog/grants.ts'
import type { TokenStore } from '../catalog/tokens.ts'
import { ServiceError } from '../errors.ts'
import type { Owner } from '../ids.ts'
import { parseDocumentId } from '../ids.ts'

export interface ExportDeps {
  readonly connections: Pick<ConnectionStore, 'rows'>
  readonly documents: Pick<DocumentStore, 'list'>
  readonly grantRows: Pick<GrantStore, 'getAll'>
  readonly tokens: Pick<TokenStore, 'get'>
}

export interface ExportPage {
  readonly rows: readonly { readonly table: string; readonly row: Readonly<Record<string, unknown>> }[]
  readonly nextCursor?: string
}

const documentsPerPage = 100

/**
 * What is kept of a user, row by row: connections with their grants and tokens on the first page, then the
 * documents. Only what is named here is shown, and none of it opens anything.
 */
export async function exportUser(
  deps: ExportDeps,
  { userKey }: Owner,
  cursor: string | undefined,
): Promise<ExportPage> {
  const after = cursor === undefined ? undefined : parseDocumentId(cursor)
  if (cursor !== undefined && after === undefined)
    throw new ServiceError('invalid_request', 'query.cursor: is none of this list')
  const page = await deps.documents.list(userKey, documentsPerPage, after)
  const first = cursor === undefined ? await connectionRows(deps, await deps.connections.rows(userKey)) : []
  const last = page.rows.at(-1)
  return {
    rows: [...first, ...page.rows.map((row) => ({ table: 'documents', row: documentShown(row) }))],
    ...(page.more && last !== undefined ? { nextCursor: last.documentId } : {}),
  }
}

async function connectionRows({ grantRows, tokens }: ExportDeps, connections: readonly Connection[]) {
  const ids = connections.map(({ connectionId }) => connectionId)
  const grants = (await grantRows.getAll(ids)).map(
    ({ connectionId, provider, issuedAt, hotIssuedAt, goneAt, dueAt, createdAt, updatedAt }) => ({
      table: 'grants',
      row: { connectionId, provider, issuedAt, hotIssuedAt, goneAt, dueAt, createdAt, updatedAt },
    }),
  )
  const held = await Promise.all(ids.map((connectionId) => tokens.get(connectionId)))
  return [
    ...connections.map((row) => ({ table: 'connections', row: { ...row } })),
    ...grants,
    ...held.flatMap((row) => {
      if (row === undefined) return []
      const { connectionId, tokenExpiresAt, dead, failure } = row
      return [{ table: 'tokens', row: { connectionId, tokenExpiresAt, dead, failure } }]
    }),
  ]
}

/** Without the sealed addresses of upload sessions, and the state of a hash. */
function documentShown({ change, aside, remove = {}, ...row }: DocumentRow) {
  return {
    ...row,
    ...(change && { change: changeShown(change) }),
    ...(aside && { aside: changeShown(aside) }),
    remove: Object.values(remove).map(({ kind, connectionId, notBefore }) => ({
      kind,
      connectionId,
      notBefore,
    })),
  }
}

function changeShown({ session: _address, hashState: _state, ...change }: Change) {
  return change
}
