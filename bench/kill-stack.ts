/**
 * Kills the whole local stack by SIGKILL at random moments of 100 MiB transfers to both
 * drives: `node bench/kill-stack.ts [kills]` (100 when left out). Ends with status 1
 * when a document is not stored exactly once and whole, or more than a twentieth of the kills left a session
 * that nobody knows.
 */
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../lib/clock.ts'
import type { Api, DocumentAnswer, Provider } from '../test/support/api.ts'
import { apiOf, connect } from '../test/support/api.ts'
import type { LocalStack } from '../test/support/local-stack.ts'
import { freePorts, startLocalStack } from '../test/support/local-stack.ts'

interface Drive {
  readonly provider: Provider
  readonly offset: number
  readonly account: string
  connectionId: string
  readonly sent: string[]
}

const kills = Number(process.argv[2] ?? 100)
const lifeMs = 3_000
const content = randomBytes(100 * 1024 * 1024)
const expected = createHash('sha256').update(content).digest('hex')
const stateDir = mkdtempSync(join(tmpdir(), 'driveway-kill-'))
const port = await freePorts()
const drives: readonly Drive[] = [
  { provider: 'google-drive', offset: 1, account: 'kill@example.com', connectionId: '', sent: [] },
  { provider: 'onedrive', offset: 2, account: 'kill@outlook.com', connectionId: '', sent: [] },
]

const status = async (api: Api, id: string): Promise<string | undefined> =>
  (await api.request<DocumentAnswer>('GET', `/v1/documents/${id}`)).body?.document?.status

/** Gives each drive that has nothing to do a document to receive. */
async function keepBusy(api: Api, stack: LocalStack): Promise<void> {
  for (const { provider, connectionId, sent } of drives) {
    const last = sent.at(-1)
    if (last !== undefined && (await status(api, last)) !== 'stored') continue
    const id = `${provider}-${String(sent.length + 1)}`
    const started = await api.request<{ upload: { url: string; headers: Record<string, string> } }>(
      'POST',
      `/v1/documents/${id}/intake`,
      { json: { connectionId, contentType: 'application/octet-stream', size: content.length } },
    )
    const { url, headers } = started.body.upload
    const put = await fetch(url, { method: 'PUT', headers, body: content })
    if (put.status !== 200) throw new Error(`${stack.base}: the intake bucket answered ${String(put.status)}`)
    sent.push(id)
  }
}

let stack = await startLocalStack({ port, stateDir })
const api = await apiOf(stack.base, 'kill')
for (const drive of drives) {
  drive.connectionId = await connect(api, drive.provider, drive.account)
  await fetch(`${stack.at(drive.offset)}/_sim/accounts/${drive.account}/quota`, {
    method: 'POST',
    body: JSON.stringify({ limitBytes: 1024 ** 4 }),
  })
}
for (let kill = 1; kill <= kills; kill += 1) {
  await keepBusy(api, stack)
  await systemClock.sleep(Math.random() * lifeMs)
  await stack.stop('SIGKILL')
  stack = await startLocalStack({ port, stateDir })
}

let wrong = 0
for (const { provider, offset, account, sent } of drives) {
  for (const id of sent) while ((await status(api, id)) !== 'stored') await systemClock.sleep(200)
  const files = (await (await fetch(`${stack.at(offset)}/_sim/files?account=${account}`)).json()) as {
    name: string
    sha256: string
    trashed: boolean
  }[]
  const whole = sent.filter((id) => {
    const named = files.filter(({ name, trashed }) => name === id && !trashed)
    return named.length === 1 && named[0]?.sha256 === expected
  })
  const sessions = (await (
    await fetch(`${stack.at(offset)}/_sim/sessions?account=${account}`)
  ).json()) as unknown[]
  // Whoever is killed between a session's opening and the row's write loses its address: it ends by itself.
  if (whole.length < sent.length || sessions.length > kills / 20) wrong += 1
  console.log(
    `${provider.padEnd(12)} ${String(kills)} kills of the stack over ${String(sent.length)} transfers: ` +
      `${String(whole.length)} stored once and whole, ${String(sessions.length)} sessions open`,
  )
}
await stack.stop()
rmSync(stateDir, { recursive: true, force: true })
process.exitCode = wrong === 0 ? 0 : 1
