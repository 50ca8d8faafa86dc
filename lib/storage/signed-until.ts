import type { S3Client } from '@aws-sdk/client-s3'

/**
 * A function is not told when its role's credentials end, and they stay the same for the life of its process:
 * so much is safe to promise.
 */
const unknownEndMs = 60 * 60_000

/**
 * When a URL ends that is signed at `now` for so many seconds, epoch milliseconds: not after the credentials
 * that sign it. https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html
 */
export async function signedUntil(
  client: Pick<S3Client, 'config'>,
  now: number,
  seconds: number,
): Promise<number> {
  const { expiration, sessionToken } = await client.config.credentials()
  const wanted = now + seconds * 1000
  const unknown = sessionToken === undefined ? wanted : now + unknownEndMs
  return Math.min(wanted, expiration?.getTime() ?? unknown)
}
