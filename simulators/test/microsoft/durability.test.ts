import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createHasher } from '../../microsoft/drive/quick-xor-hash.ts'
import { CLIENT, content, fragment, send, signIn, token, UNIT } from './support.ts'

const MAIN = new URL('../../microsoft/main.ts', import.meta.url).pathname
let stateDir: string
let child: ChildProcess

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'microsoft-sim-'))
})
afterEach(async () => {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  await rm(stateDir, { recursive: true, force: true })
})

/**
 * Starts the simulator as a process of its own; the port stays the same so that URLs given out go on working.
 */
async function start(port = 0): Promise<{ origin: string; port: number }> {
  child = fork(MAIN, {
    env: {
      ...process.env,
      PORT: String(port),
      STATE_DIR: stateDir,
      CLIENT_ID: CLIENT.clientId,
      CLIENT_SECRET: CLIENT.clientSecret,
      REDIRECT_URIS: CLIENT.redirectUris.join(','),
    },
  })
  const [message] = await once(child, 'message')
  return { origin: `http://127.0.0.1:${message.port}`, port: message.port }
}

async function kill(): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'exit')
}

describe('a simulator that dies', () => {
  it.each(['personal' as const, 'business' as const])(
    'D.4 keeps files, tokens and open sessions of a %s account across SIGKILL',
    async (kind) => {
      const first = await start()
      const user = await signIn(first, kind)
      await user.graph('PUT', '/me/drive/root:/a/kept.bin:/content', { bytes: content(5000) })
      const bytes = content(UNIT * 6 + 7)
      const session = await user.graph('POST', '/me/drive/root:/a/x.bin:/createUploadSession', { json: {} })
      const url = session.body.uploadUrl
      await fragment(url, bytes, 0, UNIT * 4)

      await kill()
      await start(first.port)
      const status = await send('GET', url)
      expect(status.body.nextExpectedRanges).toEqual([`${UNIT * 4}-`])
      const done = await fragment(url, bytes, UNIT * 4, bytes.length)
      const hasher = createHasher()
      hasher.update(bytes)
      expect(done.status).toBe(201)
      expect(done.body.file.hashes.quickXorHash).toBe(hasher.digest().toString('base64'))

      const kept = await user.graph('GET', '/me/drive/root:/a/kept.bin')
      const got = await fetch(kept.body['@microsoft.graph.downloadUrl'])
      expect(Buffer.from(await got.arrayBuffer()).equals(content(5000))).toBe(true)
      const refreshed = await token(first.origin, {
        grant_type: 'refresh_token',
        refresh_token: user.tokens.refresh_token,
      })
      expect(refreshed.status).toBe(200)
    },
  )

  it('D.4 drops what a fragment had written when the process died under it', async () => {
    const first = await start()
    const user = await signIn(first, 'business')
    const bytes = content(UNIT * 40)
    const session = await user.graph('POST', '/me/drive/root:/x.bin:/createUploadSession', { json: {} })
    const url = session.body.uploadUrl
    await fragment(url, bytes, 0, UNIT)
    await send('POST', `${first.origin}/_sim/latency`, { json: { ms: 0, bytesPerSecond: 8_000_000 } })
    const broken = fragment(url, bytes, UNIT, UNIT * 40).catch(() => 'broken')
    const received = async () => {
      const { text } = await send('GET', `${first.origin}/_sim/requests`)
      const log: { method: string; requestBytes: number }[] = JSON.parse(text)
      return log.filter((entry) => entry.method === 'PUT').at(-1)?.requestBytes ?? 0
    }
    await expect.poll(received, { interval: 20, timeout: 10_000 }).toBeGreaterThan(UNIT * 3)

    await kill()
    expect(await broken).toBe('broken')
    await start(first.port)
    expect((await send('GET', url)).body.nextExpectedRanges).toEqual([`${UNIT}-`])
    const done = await fragment(url, bytes, UNIT, bytes.length)
    const hasher = createHasher()
    hasher.update(bytes)
    expect(done.body.file.hashes.quickXorHash).toBe(hasher.digest().toString('base64'))
  })

  it('F.2 ends with status 0 on SIGTERM', async () => {
    await start()
    child.kill('SIGTERM')
    const [code] = await once(child, 'exit')
    expect(code).toBe(0)
  })
})
