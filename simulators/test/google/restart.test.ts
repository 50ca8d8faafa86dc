import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import * as z from 'zod/mini'
import type { Google } from './support.ts'
import { call, CLIENT, driveClient, json, openUpload, put, sampleBytes, signIn, UNIT } from './support.ts'

type Running = Pick<Google, 'origin'> & { child: ChildProcess }
let stateDir: string
let running: Running | undefined

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'google-restart-'))
})
afterEach(async () => {
  running?.child.kill('SIGKILL')
  await rm(stateDir, { recursive: true, force: true })
})

async function start(): Promise<Running> {
  const child = fork(new URL('../../google/main.ts', import.meta.url), {
    env: {
      PATH: process.env['PATH'],
      PORT: '0',
      STATE_DIR: stateDir,
      CLIENT_ID: CLIENT.clientId,
      CLIENT_SECRET: CLIENT.clientSecret,
      REDIRECT_URIS: CLIENT.redirectUris.join(','),
    },
    execArgv: [],
  })
  const [message] = await once(child, 'message')
  const { port } = z.object({ ready: z.literal(true), port: z.number() }).parse(message)
  running = { child, origin: `http://127.0.0.1:${port}` }
  return running
}

async function killed({ child }: Running): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'exit')
}

/** The session on the new process's port. */
function moved(session: string, to: Running): string {
  return session.replace(/^http:\/\/[^/]+/, to.origin)
}

it('B.3 what was acknowledged is there after SIGKILL, and the session goes on from it', async () => {
  const before = await start()
  const auth = await signIn(before)
  const bytes = sampleBytes(UNIT * 9 + 11)
  const google = {
    ...before,
    stateDir,
    clock: { now: Date.now, advance: () => undefined },
    sim: () => Promise.reject(new Error('unused')),
    fault: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
  const session = await openUpload(
    google,
    auth,
    { name: 'survivor' },
    { query: '&fields=id,size,md5Checksum,sha1Checksum,sha256Checksum' },
  )
  const first = await put(session, `bytes 0-${UNIT * 5 - 1}/${bytes.length}`, bytes.subarray(0, UNIT * 5))
  expect(first.headers.get('range')).toBe(`bytes=0-${UNIT * 5 - 1}`)
  // A fragment is on its way when the process dies.
  const dying = request(session, {
    method: 'PUT',
    headers: {
      'content-range': `bytes ${UNIT * 5}-${bytes.length - 1}/${bytes.length}`,
      'content-length': bytes.length - UNIT * 5,
    },
  })
  const failed = once(dying, 'error')
  await new Promise<void>((resolve) => dying.write(bytes.subarray(UNIT * 5, UNIT * 7 + 5), () => resolve()))
  await killed(before)
  await failed
  const after = await start()
  const asked = await put(moved(session, after), `bytes */${bytes.length}`)
  const have = Number(/^bytes=0-(\d+)$/.exec(asked.headers.get('range') ?? '')?.[1]) + 1
  expect(have % UNIT).toBe(0)
  expect(have).toBeGreaterThanOrEqual(UNIT * 5)
  const done = await put(
    moved(session, after),
    `bytes ${have}-${bytes.length - 1}/${bytes.length}`,
    bytes.subarray(have),
  )
  const file = await json(done)
  expect(file).toMatchObject({
    size: String(bytes.length),
    md5Checksum: createHash('md5').update(bytes).digest('hex'),
    sha1Checksum: createHash('sha1').update(bytes).digest('hex'),
    sha256Checksum: createHash('sha256').update(bytes).digest('hex'),
  })
  await killed(after)
  // The file, the tokens and the signing key outlive the next death too.
  const last = await start()
  const content = await call(last, auth, 'GET', `/drive/v3/files/${String(file['id'])}?alt=media`)
  expect(
    createHash('sha256')
      .update(new Uint8Array(await content.arrayBuffer()))
      .digest('hex'),
  ).toBe(file['sha256Checksum'])
  expect(await json(await put(moved(session, last), 'bytes */*'))).toEqual(file)
  const info = await fetch(`${last.origin}/tokeninfo?id_token=${auth.credentials.id_token}`)
  expect(info.status).toBe(200)
})

it('0 the process ends with status 0 on SIGTERM, and at once when its parent is gone', async () => {
  const first = await start()
  const auth = await signIn(first)
  await driveClient(first, auth).drive.files.create({ requestBody: { name: 'kept' } })
  first.child.kill('SIGTERM')
  expect(await once(first.child, 'exit')).toEqual([0, null])
  const second = await start()
  expect((await driveClient(second, auth).drive.files.list()).data.files).toMatchObject([{ name: 'kept' }])
  second.child.disconnect()
  expect(await once(second.child, 'exit')).toEqual([0, null])
})
