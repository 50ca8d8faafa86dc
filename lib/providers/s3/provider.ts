import { required } from '../../contract/env.ts'
import type { Provider } from '../provider.ts'
import { about } from './about.ts'
import { s3Driver } from './driver.ts'
import { s3Client } from './client.ts'

/** The deployment's bucket, as the rest of the project holds it: one driver for all connections. */
export const provider: Provider<'none'> = {
  about,

  grant: () => ({ kind: 'none' }),

  opener({ clock, observe, settings, send }) {
    const client = s3Client({
      region: settings['STORAGE_REGION'],
      endpoint: settings['STORAGE_ENDPOINT'],
      send,
    })
    const driver = s3Driver({ client, bucket: required(settings, 'STORAGE_BUCKET'), clock, observe })
    return () => driver
  },
}
