import { CloudConnectionError } from '../../lib/errors.ts'
import { parseConnectionId } from '../../lib/ids.ts'
import { sendRequest } from '../../lib/net/http-client.ts'
import { secret } from '../../lib/secret.ts'
import { StorageBackend } from '../../lib/storage/storage-backend.ts'
import { startCloudBox } from '../../test/support/cloud-box-server.ts'
import { cloudBoxDriver } from '../../test/support/cloud-box/driver.ts'
import { instantClock } from '../../test/support/instant-clock.ts'
import type { Harness } from '../harness.ts'
import { conformance } from '../suite.ts'

const connectionId = parseConnectionId('box') ?? fail()

/** A driver behind a user name and an app password. */
function driverFor(serverUrl: string, userName: string) {
  return cloudBoxDriver({
    connectionId,
    send: sendRequest,
    settings: { LOOPBACK_SERVERS: 'true' },
    credentials: {
      kind: 'password',
      read: () => Promise.resolve({ serverUrl, userName, password: secret('a password') }),
      renew: () => Promise.reject(new CloudConnectionError(connectionId, 'grant_revoked')),
    },
  })
}

async function cloudBox(): Promise<Harness> {
  const box = await startCloudBox()
  let people = 0
  return {
    close: () => Promise.resolve(box.close()),
    world() {
      people += 1
      const name = `person-${people}`
      const { files } = box.user(name, 'a password')
      const driver = () => driverFor(box.origin, name)
      return Promise.resolve({
        clock: instantClock(),
        driver,
        held: () =>
          Promise.resolve(
            [...files].map(([path, { bytes, sha256 }]) => {
              const shown = decodeURIComponent(path)
              return {
                name: shown.slice(shown.indexOf('/') + 1),
                path: `/${shown}`,
                size: bytes.length,
                sha256,
              }
            }),
          ),
        openSessions: () => Promise.resolve(0),
        removeAsUser: (key) => new StorageBackend(driver()).deleteObject(key),
      })
    },
  }
}

function fail(): never {
  throw new Error('not a connection id')
}

conformance('A server with app passwords', {
  sample: () => driverFor('http://127.0.0.1:1', 'nobody'),
  pathOf: (userKey, file) => `/${userKey}/${file}`,
  start: cloudBox,
})
