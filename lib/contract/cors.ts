/** Whether pages of `origin` may call; `http://localhost:*`, for a developer's machine, is any port there. */
export function allowsOrigin(listed: readonly string[], origin: string | undefined): origin is string {
  if (origin === undefined) return false
  const anyPort = `${origin.replace(/:\d+$/, '')}:*`
  return listed.includes(origin) || listed.includes(anyPort)
}

/** What pages may do at the buckets. `origins`: those that may call the API; only they may upload. */
export function bucketCors(origins: readonly string[]) {
  const always = { allowedHeaders: ['*'], exposedHeaders: ['ETag', 'Content-Range'], maxAge: 3600 }
  const uploads = { ...always, allowedOrigins: origins, allowedMethods: ['PUT'] as const }
  // A page that comes through the API's redirect has no origin any more; the URL is the credential.
  // https://fetch.spec.whatwg.org/#http-redirect-fetch
  const reads = { ...always, allowedOrigins: ['*'], allowedMethods: ['GET', 'HEAD'] as const }
  return origins.length === 0 ? [reads] : [uploads, reads]
}
