import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { access, link, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ServiceError } from '../../../lib/errors.ts'
import type { ObjectKey } from '../../../lib/ids.ts'
import { objectKey, randomId, userKeyOf } from '../../../lib/ids.ts'
import { exactly } from '../../../lib/net/exactly.ts'
import type { ProviderId } from '../../../lib/providers/registry.ts'
import { hexDigest, plainContentType, resolveRange } from '../../../lib/storage/bytes.ts'
import type { Driver, ObjectEntry, Plan } from '../../../lib/storage/driver.ts'
import { PlaceTaken } from '../../../lib/storage/free-name.ts'
import { about } from './about.ts'

/** Every file begins with what is known of its content, in so many bytes. */
const headBytes = 512

/** The six methods over a folder, and nothing else. */
export function shelfDriver(folder: string): Driver {
  const pathOf = (key: string): string => join(folder, ...key.split('/').map(encodeURIComponent))
  const keyOf = ({ userId, target }: Plan): ObjectKey =>
    target.kind === 'new' ? objectKey(`${userKeyOf(userId)}/${target.file}`) : target.objectKey

  const look = async (key: ObjectKey): Promise<ObjectEntry> => {
    const file = await open(pathOf(key)).catch(unlessMissing)
    if (!file) throw new ServiceError('object_missing', 'The file is no longer on the shelf.')
    try {
      const { buffer } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0)
      const { size } = await file.stat()
      const head = JSON.parse(buffer.toString('utf8')) as { contentType: string; sha256: string }
      const { contentType, sha256 } = head
      const name = key.slice(key.indexOf('/') + 1)
      return {
        objectKey: key,
        size: size - headBytes,
        name,
        contentType,
        etag: sha256,
        checksums: { sha256 },
      }
    } finally {
      await file.close()
    }
  }

  return {
    provider: about.id as string as ProviderId,
    traits: {
      singleRequestBytes: Number.MAX_SAFE_INTEGER,
      hash: { ...about.hash, start: () => hexDigest('sha256') },
      rewrites: () => false,
    },

    stat: look,

    async read(key, range) {
      const entry = await look(key)
      const sent = range && resolveRange(range, entry.size)
      const part = sent ? { start: headBytes + sent.start, end: headBytes + sent.end } : { start: headBytes }
      const body = createReadStream(pathOf(key), part)
      return { entry, body, sent: sent ?? 'whole' }
    },

    async write(plan, content, { signal } = {}) {
      const key = keyOf(plan)
      const path = pathOf(key)
      const draft = `${path}.${randomId()}`
      const isNew = plan.target.kind === 'new'
      if (!isNew) await look(key)
      await mkdir(dirname(path), { recursive: true })
      const file = await open(draft, 'wx')
      try {
        const hash = createHash('sha256')
        let at = headBytes
        for await (const chunk of exactly(content)) {
          signal?.throwIfAborted()
          hash.update(chunk)
          at += (await file.write(chunk, 0, chunk.length, at)).bytesWritten
        }
        await writeHead(file, { contentType: plainContentType(plan.contentType), sha256: hash.digest('hex') })
        await (isNew ? link(draft, path) : rename(draft, path))
      } catch (error) {
        if (isNew && codeOf(error) === 'EEXIST') throw new PlaceTaken()
        if (signal?.aborted) throw new ServiceError('provider_unavailable', 'Given up.', { cause: error })
        throw error
      } finally {
        await file.close()
        await rm(draft, { force: true })
      }
      return await look(key)
    },

    async find(plan) {
      const key = keyOf(plan)
      return (await stat(pathOf(key)).catch(unlessMissing)) && (await look(key))
    },

    remove: async (key) => await rm(pathOf(key), { force: true }),

    async check({ signal } = {}) {
      signal?.throwIfAborted()
      await access(folder)
    },
  }
}

async function writeHead(file: FileHandle, head: object): Promise<void> {
  await file.write(Buffer.from(JSON.stringify(head).padEnd(headBytes)), 0, headBytes, 0)
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

function unlessMissing(error: unknown): undefined {
  if (codeOf(error) !== 'ENOENT') throw error
}
