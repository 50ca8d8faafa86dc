import type { Connection } from '../catalog/connections.ts'
import { systemClock } from '../clock.ts'
import { rememberFolder } from '../connections/read.ts'
import type { ObserveCall } from '../net/provider-http.ts'
import type { Backend } from '../storage/backend.ts'
import { count, countBytes, observe } from '../telemetry/metrics.ts'
import { connections } from './catalog.ts'
import { accessTokens } from './credentials.ts'
import { onceAsync, optional, required } from './settings.ts'

const observeCall: ObserveCall = ({ provider, operation, status, ms, bytes }) => {
  observe('ProviderLatency', ms, { provider, operation })
  countBytes('BytesSent', bytes, { provider })
  if (status === 429) count('ProviderThrottles', { provider })
  if (status === 0 || status >= 500) count('ProviderErrors', { provider, operation })
}

async function googleDrive(connection: Connection): Promise<Backend> {
  const { googleDriveBackend } = await import('../providers/google-drive/backend.ts')
  const folder = optional('DRIVE_FOLDER')
  return googleDriveBackend({
    connectionId: connection.connectionId,
    tokens: accessTokens().sourceOf(connection),
    clock: systemClock,
    endpoint: optional('GOOGLE_ENDPOINT'),
    observe: observeCall,
    folder:
      folder === undefined
        ? undefined
        : {
            name: folder,
            ...(connection.folderId === undefined ? {} : { id: connection.folderId }),
            onCreated: (id) => rememberFolder({ connections: connections() }, connection, id),
          },
  })
}

async function oneDrive(connection: Connection): Promise<Backend> {
  const { oneDriveBackend } = await import('../providers/onedrive/backend.ts')
  return oneDriveBackend({
    connectionId: connection.connectionId,
    tokens: accessTokens().sourceOf(connection),
    clock: systemClock,
    endpoint: optional('MICROSOFT_ENDPOINT'),
    folder: optional('DRIVE_FOLDER'),
    observe: observeCall,
  })
}

const s3 = onceAsync(async (): Promise<Backend> => {
  const [{ s3Backend }, { s3Client }] = await Promise.all([
    import('../providers/s3/backend.ts'),
    import('../providers/s3/client.ts'),
  ])
  const client = s3Client({ region: optional('STORAGE_REGION'), endpoint: optional('STORAGE_ENDPOINT') })
  return s3Backend({ client, bucket: required('STORAGE_BUCKET'), clock: systemClock, observe: observeCall })
})

/** The backend of a connection. A provider's libraries are loaded when its first connection is opened. */
export async function openBackend(connection: Connection): Promise<Backend> {
  switch (connection.provider) {
    case 'google-drive':
      return googleDrive(connection)
    case 'onedrive':
      return oneDrive(connection)
    case 's3':
      return s3()
  }
}
