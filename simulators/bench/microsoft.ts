// What the Microsoft simulator itself can carry: 2 GiB in (10 MiB and 50 MiB fragments) and out,
// with the memory of its process. Run: node simulators/bench/microsoft.ts [GiB] [state directory]
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { Agent, get, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setInterval } from 'node:timers'
import * as z from 'zod/mini'

const MIB = 1024 * 1024
const REDIRECT = 'http://localhost/callback'
const CLIENT = { id: 'bench', secret: 'bench-secret' }
const BLOCK = Buffer.alloc(MIB, 0x5a)

const tokens = z.object({ access_token: z.string() })
const session = z.object({ uploadUrl: z.string() })
const item = z.object({ size: z.number(), '@microsoft.graph.downloadUrl': z.string() })

const total = Number(process.argv[2] ?? 2) * 1024 * MIB
const stateDir = await mkdtemp(join(process.argv[3] ?? tmpdir(), 'bench-microsoft-'))
const agent = new Agent({ keepAlive: true })

const child = fork(new URL('../microsoft/main.ts', import.meta.url), {
  env: {
    ...process.env,
    PORT: '0',
    STATE_DIR: stateDir,
    CLIENT_ID: CLIENT.id,
    CLIENT_SECRET: CLIENT.secret,
    REDIRECT_URIS: REDIRECT,
  },
})
const [ready] = await once(child, 'message')
const { port } = z.object({ port: z.number() }).parse(ready)
const origin = `http://127.0.0.1:${port}`

let peak = 0
const sampler = setInterval(() => {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
  peak = Math.max(peak, Number(/VmRSS:\s+(\d+)/u.exec(status)?.[1] ?? 0) / 1024)
}, 100)

function report(what: string, bytes: number, since: number): void {
  const rate = bytes / 1e6 / ((performance.now() - since) / 1000)
  console.log(`${what.padEnd(28)} ${rate.toFixed(0).padStart(5)} MB/s   peak RSS ${peak.toFixed(0)} MB`)
  peak = 0
}

async function signIn(): Promise<string> {
  const query = new URLSearchParams({
    client_id: CLIENT.id,
    response_type: 'code',
    redirect_uri: REDIRECT,
    scope: 'openid Files.ReadWrite',
  })
  const consent = await fetch(`${origin}/common/oauth2/v2.0/authorize?${query.toString()}`, {
    method: 'POST',
    body: new URLSearchParams({ decision: 'approve', account: 'bench@contoso.com' }),
    redirect: 'manual',
  })
  const code = new URL(consent.headers.get('location') ?? '').searchParams.get('code') ?? ''
  const response = await fetch(`${origin}/common/oauth2/v2.0/token`, {
    method: 'POST',
    body: new URLSearchParams({
      client_id: CLIENT.id,
      client_secret: CLIENT.secret,
      grant_type: 'authorization_code',
      code,
      redirect_uri: REDIRECT,
    }),
  })
  return tokens.parse(await response.json()).access_token
}

/** One fragment from the same block over and over, so that the client costs as little as it can. */
async function putFragment(url: string, start: number, size: number): Promise<string> {
  const headers = { 'content-length': size, 'content-range': `bytes ${start}-${start + size - 1}/${total}` }
  const req = request(url, { method: 'PUT', agent, headers })
  const answered = once(req, 'response')
  for (let left = size; left > 0; left -= BLOCK.length) {
    if (!req.write(left >= BLOCK.length ? BLOCK : BLOCK.subarray(0, left))) await once(req, 'drain')
  }
  req.end()
  const [res] = await answered
  let text = ''
  for await (const chunk of res) text += chunk
  return text
}

async function upload(bearer: string, fragmentSize: number): Promise<z.output<typeof item>> {
  const name = `fragments-of-${fragmentSize / MIB}-MiB.bin`
  const opened = await fetch(`${origin}/v1.0/me/drive/root:/${name}:/createUploadSession`, {
    method: 'POST',
    headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
    body: '{}',
  })
  const { uploadUrl } = session.parse(await opened.json())
  let last = ''
  for (let start = 0; start < total; start += fragmentSize) {
    last = await putFragment(uploadUrl, start, Math.min(fragmentSize, total - start))
  }
  return item.parse(JSON.parse(last))
}

async function download(url: string): Promise<number> {
  const [res] = await once(get(url, { agent }), 'response')
  let received = 0
  for await (const chunk of res) received += chunk.length
  return received
}

try {
  const bearer = await signIn()
  for (const fragmentSize of [10 * MIB, 50 * MIB]) {
    const began = performance.now()
    const stored = await upload(bearer, fragmentSize)
    report(`in, ${fragmentSize / MIB} MiB fragments`, stored.size, began)
    const opened = performance.now()
    const received = await download(stored['@microsoft.graph.downloadUrl'])
    if (received !== total) throw new Error(`${received} of ${total} bytes came back`)
    report('out', received, opened)
  }
} finally {
  clearInterval(sampler)
  agent.destroy()
  child.kill('SIGTERM')
  await once(child, 'exit')
  rmSync(stateDir, { recursive: true, force: true })
}
