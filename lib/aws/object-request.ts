import type { AwsCaller, AwsRequest } from './caller.ts'

/** An object of a bucket; with an ETag that one alone, whatever stands under its key later. */
export interface ObjectPin {
  readonly key: string
  /** Without quotes. */
  readonly etag?: string | undefined
  readonly versionId?: string | undefined
}

/** A request for one object. */
export function objectRequest(
  aws: AwsCaller,
  bucket: string,
  method: string,
  { key, etag, versionId }: ObjectPin,
  more: Pick<AwsRequest, 'headers' | 'signal'> = {},
): AwsRequest {
  const version = versionId === undefined ? '' : `?versionId=${encodeURIComponent(versionId)}`
  const path = key.split('/').map(encoded).join('/')
  return {
    service: 's3',
    method,
    url: `${aws.endpoint('s3', bucket)}/${path}${version}`,
    ...more,
    headers: { ...more.headers, ...(etag === undefined ? {} : { 'if-match': `"${etag}"` }) },
  }
}

/** A key is sent as it is signed: all but letters, digits and `-._~` is encoded. */
function encoded(part: string): string {
  return encodeURIComponent(part).replaceAll(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
