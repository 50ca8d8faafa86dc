// What a provider simulator carries by itself: one long upload into a session,
// and the download of it, from a plain HTTP client in another process. Run:
// node simulators/bench/throughput.ts google|microsoft [GiB] [state directory]
import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { get, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import * as z from 'zod/mini'

const MIB = 1024 * 1024
const BLOCK = Buffer.alloc(256 * 1024, 'driveway ')
const CLIENT = { id: 'bench', secret: 'bench-secret', redirect: 'http://127.0.0.1/callback' }
const file = z.object({ id: z.string(), size: z.string(), sha256Checksum: z.string() })

if (process.argv[2] === 'microsoft') {
  process.argv.splice(2, 1)
  await import('./microsoft.ts')
} else if (process.argv[2] === 'google') {
  await measureGoogle(Number(process.argv[3] ?? 2) * 1024 * MIB, process.argv[4] ?? tmpdir())
} else {
  console.error('usage: node simulators/bench/throughput.ts google|microsoft [GiB] [state directory]')
  process.exitCode = 2
}

async function measureGoogle(total: number, under: string): Promise<void> {
  const stateDir = await mkdtemp(join(under, 'bench-google-'))
  const child = fork(new URL('../google/main.ts', import.meta.url), {
    env: {
      ...process.env,
      PORT: '0',
      STATE_DIR: stateDir,
      CLIENT_ID: CLIENT.id,
      CLIENT_SECRET: CLIENT.secret,
      REDIRECT_URIS: CLIENT.redirect,
    },
  })
  const [ready] = await once(child, 'message')
  const origin = `http://127.0.0.1:${z.object({ port: z.number() }).parse(ready).port}`
  try {
    const authorization = `Bearer ${await signIn(origin)}`
    const opened = await fetch(
      `${origin}/upload/drive/v3/files?uploadType=resumable&fields=id,size,sha256Checksum`,
      {
        method: 'POST',
        headers: {
          authorization,
          'content-type': 'application/json',
          'x-upload-content-length': String(total),
        },
        body: JSON.stringify({ name: 'bench.bin' }),
      },
    )
    const session = opened.headers.get('location') ?? ''
    const uploaded = await measured('upload, one PUT', total, child, () => put(session, total))
    const stored = file.parse(uploaded)
    if (stored.sha256Checksum !== expectedHash(total))
      throw new Error('the stored content is not what was sent')
    await measured('download', total, child, () =>
      drain(`${origin}/drive/v3/files/${stored.id}?alt=media`, authorization, total),
    )
  } finally {
    child.disconnect()
    rmSync(stateDir, { recursive: true, force: true })
  }
}

async function signIn(origin: string): Promise<string> {
  const scope = 'https://www.googleapis.com/auth/drive.file'
  const query = new URLSearchParams({
    client_id: CLIENT.id,
    redirect_uri: CLIENT.redirect,
    response_type: 'code',
    scope,
  })
  const consent = await fetch(`${origin}/o/oauth2/v2/auth?${query.toString()}`, {
    method: 'POST',
    body: new URLSearchParams({ decision: 'approve', account: 'bench@example.com' }),
    redirect: 'manual',
  })
  const code = new URL(consent.headers.get('location') ?? '').searchParams.get('code') ?? ''
  const form = {
    client_id: CLIENT.id,
    client_secret: CLIENT.secret,
    grant_type: 'authorization_code',
    code,
    redirect_uri: CLIENT.redirect,
  }
  const answer = await fetch(`${origin}/token`, { method: 'POST', body: new URLSearchParams(form) })
  return z.object({ access_token: z.string() }).parse(await answer.json()).access_token
}

/** Sends the same block over and over, so that the client costs as little as it can. */
async function put(session: string, total: number): Promise<unknown> {
  const sending = request(session, { method: 'PUT', headers: { 'content-length': total } })
  const answered = once(sending, 'response')
  for (let sent = 0; sent < total; sent += BLOCK.length) {
    if (!sending.write(BLOCK.subarray(0, total - sent))) await once(sending, 'drain')
  }
  sending.end()
  const [response]: IncomingMessage[] = await answered
  return response === undefined ? undefined : json(response)
}

async function drain(url: string, authorization: string, total: number): Promise<void> {
  const [response]: IncomingMessage[] = await once(get(url, { headers: { authorization } }), 'response')
  let received = 0
  for await (const chunk of response ?? []) received += chunk.length
  if (received !== total) throw new Error(`received ${received} of ${total} bytes`)
}

async function measured<T>(
  what: string,
  bytes: number,
  child: ChildProcess,
  work: () => Promise<T>,
): Promise<T> {
  const own = process.cpuUsage()
  const before = childUse(child)
  let peak = before.rss
  const sampler = setInterval(() => {
    peak = Math.max(peak, childUse(child).rss)
  }, 100)
  const started = performance.now()
  const result = await work()
  const seconds = (performance.now() - started) / 1000
  clearInterval(sampler)
  const cpu = childUse(child).cpu - before.cpu
  const mine = process.cpuUsage(own)
  const rate = (bytes / 1e6 / seconds).toFixed(0).padStart(5)
  console.log(
    `${what.padEnd(16)} ${rate} MB/s   simulator: ${cpu.toFixed(1)} s CPU, peak ${peak.toFixed(0)} MB   client: ${((mine.user + mine.system) / 1e6).toFixed(1)} s CPU`,
  )
  return result
}

/** CPU seconds (of all threads) and resident megabytes, as Linux tells them. */
function childUse({ pid }: ChildProcess): { cpu: number; rss: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  const resident = /VmRSS:\s+(\d+)/u.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return { cpu: (Number(fields[11]) + Number(fields[12])) / 100, rss: Number(resident) / 1024 }
}

function expectedHash(total: number): string {
  const hash = createHash('sha256')
  for (let done = 0; done < total; done += BLOCK.length) hash.update(BLOCK.subarray(0, total - done))
  return hash.digest('hex')
}
