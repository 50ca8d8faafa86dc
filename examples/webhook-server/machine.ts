// What a server of an app asks of the API: with a token of its own, for the user that an event names.

const api = process.env['DRIVEWAY_URL'] ?? 'http://127.0.0.1:8787'
const scopes = ['documents.read', 'documents.write']
const { TOKEN_URL: tokenUrl, CLIENT_ID: clientId = '', CLIENT_SECRET: clientSecret = '' } = process.env

/** A deployment's issuer gives a token for client credentials, the local stack for the name of a client. */
async function newToken(): Promise<string> {
  const credentials = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret }
  const scope = scopes.map((each) => `driveway/${each}`).join(' ')
  const [url, body] =
    tokenUrl === undefined
      ? [`${api}/local/token`, JSON.stringify({ client: 'webhook-server', scopes })]
      : [tokenUrl, new URLSearchParams({ ...credentials, scope })]
  const answer = await fetch(url, { method: 'POST', body })
  const said = (await answer.json()) as { readonly token?: string; readonly access_token?: string }
  const token = said.access_token ?? said.token
  if (token === undefined) throw new Error(`no token came from ${url}: ${answer.status}`)
  return token
}

let token: Promise<string> | undefined

async function ask(
  userId: string,
  path: string,
  init: { headers: Record<string, string>; method?: string; body?: string },
): Promise<Response> {
  token ??= newToken()
  const known = token
  // A token that could not be had is asked for again the next time.
  known.catch(() => (token = undefined))
  const headers = {
    ...init.headers,
    authorization: `Bearer ${await known}`,
    'driveway-user': encodeURIComponent(userId),
  }
  const answer = await fetch(`${api}${path}`, { ...init, headers })
  if (answer.status !== 401) return answer
  if (token === known) token = undefined
  throw new Error('the token has run out')
}

/** At most `most` bytes from a document's beginning; undefined when there is no such document any more. */
export async function firstBytes(
  userId: string,
  documentId: string,
  most: number,
): Promise<Buffer | undefined> {
  const headers = { range: `bytes=0-${most - 1}` }
  const answer = await ask(userId, `/v1/documents/${documentId}/content`, { headers })
  // Nothing can be read of an empty document.
  if (answer.status === 416) return Buffer.alloc(0)
  if (answer.status === 404) return undefined
  if (!answer.ok) throw new Error(`reading ${documentId} was answered ${answer.status}`)
  return Buffer.from(await answer.arrayBuffer())
}

/** Stores a document, or another version of it, in the drive of a connection. */
export async function store(
  userId: string,
  documentId: string,
  connectionId: string,
  { extension, contentType, body }: { extension: string; contentType: string; body: string },
): Promise<void> {
  const query = new URLSearchParams({ connectionId, extension }).toString()
  const init = { method: 'PUT', headers: { 'content-type': contentType }, body }
  const answer = await ask(userId, `/v1/documents/${documentId}?${query}`, init)
  if (!answer.ok) throw new Error(`storing ${documentId} was answered ${answer.status}`)
}
