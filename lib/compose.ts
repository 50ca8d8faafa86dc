/**
 * Builds what the handlers work with, once for a process and on first use. This file and its folder are the only ones that name
 * concrete backends and make SDK clients; everything loads lazily, so that a function starts with no more than it needs.
 */
import type { Connection } from './catalog/connections.ts'
import { systemClock } from './clock.ts'
import { openBackend } from './compose/backends.ts'
import { authorizations, connections, documents, tokens } from './compose/catalog.ts'
import { accessTokens, events, openGrant, sealer, startHash, vault } from './compose/credentials.ts'
import { listed, onceAsync, optional, required } from './compose/settings.ts'
import type { AuthorizeDeps } from './connections/authorize.ts'
import type { CallbackDeps } from './connections/callback.ts'
import type { CompleteDeps } from './connections/complete.ts'
import type { DisconnectDeps } from './connections/disconnect.ts'
import type { HealthDeps } from './connections/health.ts'
import type { KeepAliveDeps } from './connections/keep-alive.ts'
import { chooseConnection } from './documents/choose-connection.ts'
import type { DocumentDeps } from './documents/deps.ts'
import type { TokenVerifier } from './http/token-verifier.ts'
import type { IntakeDeps, StartIntakeDeps } from './intake/deps.ts'
import { retrying } from './net/retry.ts'
import type { Deferral } from './queue/batch.ts'

const clock = systemClock

/** The intake loads S3 and SQS, which most requests do without. */
const intake = onceAsync(() => import('./compose/intake.ts'))

/** For the storage operations. */
export function openDocuments(): DocumentDeps {
  return {
    documents: documents(),
    connections: connections(),
    openBackend,
    startHash,
    retry: (run, signal) => retrying(run, { clock, signal }),
    cancelTransfer: async (row) => (await intake()).endTransfer(row),
    awaitUpload: async (upload) => (await intake()).awaitUpload(upload),
    async stageDownload({ row, backend, objectKey, signal }) {
      const [{ stageDownload }, { bucketClient }] = await Promise.all([
        import('./storage/staging.ts'),
        intake(),
      ])
      return stageDownload(await bucketClient(), required('STAGING_BUCKET'), backend, {
        connectionId: row.connectionId,
        objectKey,
        fileName: `${row.documentId}${row.extension}`,
        contentType: row.contentType,
        signal,
      })
    },
    now: () => clock.now(),
  }
}

/** For listing and showing connections. */
export function openConnections() {
  return { connections: connections() }
}

/** For starting and restarting a connection. */
export function openAuthorize(): AuthorizeDeps {
  return {
    connections: connections(),
    authorizations: authorizations(),
    sealer: sealer(),
    openGrant,
    clock,
    publicUrl: required('PUBLIC_URL'),
    allowedReturnUrls: listed('ALLOWED_RETURN_URLS'),
  }
}

/** For the browser that comes back from a provider. */
export function openCallback(): CallbackDeps {
  return { authorizations: authorizations(), sealer: sealer(), clock }
}

function grants() {
  return { vault: vault(), tokens: tokens(), sealer: sealer(), accessTokens: accessTokens(), clock }
}

/** For completing a connection. */
export function openComplete(): CompleteDeps {
  return {
    ...grants(),
    connections: connections(),
    authorizations: authorizations(),
    openGrant,
    events: events(),
    onReconnected: async (connection: Connection) => (await intake()).wakeDocuments(connection),
  }
}

/** For disconnecting. */
export function openDisconnect(): DisconnectDeps {
  return {
    ...grants(),
    connections: connections(),
    openGrant,
    cancelTransfers: async (connection) => (await intake()).endTransfers(connection),
  }
}

/** For the health check. */
export function openHealth(): HealthDeps {
  return { connections: connections(), openBackend, clock }
}

/** For the daily keep-alive. */
export function openKeepAlive(): KeepAliveDeps {
  return { connections: connections(), accessTokens: accessTokens(), events: events(), clock }
}

/** For the intake's queue and its sweeper. */
export async function openIntake(): Promise<IntakeDeps> {
  return (await intake()).intakeDeps()
}

/** For starting an upload of any size. */
export async function openStartIntake(): Promise<StartIntakeDeps> {
  const deps = await openIntake()
  const choose = openDocuments()
  return { ...deps, chooseConnection: (owner, named) => chooseConnection(choose, owner, named) }
}

/** How the intake's messages are put off. */
export async function openIntakeDeferral(): Promise<Deferral> {
  const [{ sqsDeferral }, { queueClient }] = await Promise.all([import('./queue/deferral.ts'), intake()])
  return sqsDeferral(await queueClient(), required('INTAKE_QUEUE_URL'))
}

/** For the authorizer. */
export const openTokenVerifier = onceAsync(async (): Promise<TokenVerifier> => {
  const { createTokenVerifier } = await import('./http/token-verifier.ts')
  return createTokenVerifier({
    issuer: required('OIDC_ISSUER'),
    audiences: listed('OIDC_AUDIENCE'),
    jwksUri: optional('OIDC_JWKS_URI'),
  })
})
