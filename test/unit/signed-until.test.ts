import { S3Client } from '@aws-sdk/client-s3'
import { describe, expect, it } from 'vitest'
import { signedUntil } from '../../lib/storage/signed-until.ts'

const now = Date.parse('2026-11-27T12:00:00Z')
const minute = 60
const hours = (count: number): number => count * 3600

describe('a signed URL', () => {
  it.each([
    ['that a key pair signs works as long as it says', {}, hours(7 * 24), hours(7 * 24)],
    ['ends with the credentials that sign it', { expiresIn: hours(6) }, hours(7 * 24), hours(6)],
    ['may end before them', { expiresIn: hours(6) }, 5 * minute, 5 * minute],
    ['of a role whose end nobody knows promises an hour', { sessionToken: 's' }, hours(7 * 24), hours(1)],
    ['of such a role may promise less', { sessionToken: 's' }, 15 * minute, 15 * minute],
    [
      'of a role with a known end promises that',
      { sessionToken: 's', expiresIn: hours(2) },
      hours(9),
      hours(2),
    ],
  ])(
    '%s',
    async (_what, { expiresIn, ...more }: { expiresIn?: number; sessionToken?: string }, asked, kept) => {
      const ends = expiresIn === undefined ? {} : { expiration: new Date(now + expiresIn * 1000) }
      const client = new S3Client({
        region: 'eu-central-1',
        credentials: { accessKeyId: 'local', secretAccessKey: 'local', ...more, ...ends },
      })
      expect((await signedUntil(client, now, asked)) - now).toBe(kept * 1000)
    },
  )
})
