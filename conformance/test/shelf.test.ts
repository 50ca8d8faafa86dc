import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join, relative } from 'node:path'
import { StorageBackend } from '../../lib/storage/storage-backend.ts'
import { instantClock } from '../../test/support/instant-clock.ts'
import { shelfDriver } from '../../test/support/shelf/driver.ts'
import type { Harness, Held } from '../harness.ts'
import { only } from '../stage.ts'
import { conformance } from '../suite.ts'

/** A driver with the six methods alone, over a folder that nothing goes wrong in. */
async function shelf(): Promise<Harness> {
  const root = await mkdtemp(join(tmpdir(), 'driveway-shelf-'))
  return {
    close: () => rm(root, { recursive: true, force: true }),
    async world() {
      const folder = await mkdtemp(join(root, 'world-'))
      return {
        clock: instantClock(),
        driver: () => shelfDriver(folder),
        async held() {
          const found = await readdir(folder, { recursive: true, withFileTypes: true })
          const paths = found.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name))
          return await Promise.all(
            paths.map(async (path): Promise<Held> => {
              const content = (await readFile(path)).subarray(512)
              const [sha256 = ''] = only(content).held
              const shown = decodeURIComponent(`/${relative(folder, path)}`)
              return { name: basename(shown), path: shown, size: content.length, sha256 }
            }),
          )
        },
        openSessions: () => Promise.resolve(0),
        removeAsUser: (key) => new StorageBackend(shelfDriver(folder)).deleteObject(key),
      }
    },
  }
}

conformance('A folder', {
  sample: () => shelfDriver('/nowhere'),
  pathOf: (userKey, file) => `/${userKey}/${file}`,
  start: shelf,
})
