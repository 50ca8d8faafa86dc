import { openAuthorize } from '../lib/compose.ts'
import { startConnection } from '../lib/connections/authorize.ts'
import { presentConnection } from '../lib/connections/present.ts'
import { routes } from '../lib/contract/routes.ts'
import { httpHandler } from '../lib/http/handler.ts'

/** Starts connecting a drive; an s3 connection is active at once. */
export const handler = httpHandler(routes.startConnection, async ({ caller, body }) => {
  const { connection, authorizationUrl } = await startConnection(openAuthorize(), { ...caller, ...body })
  return { status: 201, body: { connection: presentConnection(connection), authorizationUrl } }
})
