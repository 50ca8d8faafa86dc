import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { DocumentAnswer, Provider } from '../../support/api.ts'
import { apiOf, connect } from '../../support/api.ts'
import type { LocalStack } from '../../support/local-stack.ts'
import { freePorts, startLocalStack } from '../../support/local-stack.ts'
import { serve } from '../../support/serve.ts'
import { until } from '../../support/stack-control.ts'
import { cleanEnvironment, runCli } from '../cli/run-cli.ts'

const stateDir = mkdtempSync(join(tmpdir(), 'driveway-restart-'))
let stack: LocalStack | undefined
afterAll(async () => {
  await stack?.stop()
  rmSync(stateDir, { recursive: true, force: true })
})

const sim = (offset: number, path: string, body?: object): Promise<Response> =>
  fetch(
    `${stack?.at(offset) ?? ''}/_sim/${path}`,
    body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) },
  )

interface Received {
  readonly received: number
}

/** `driveway listen` with a server behind it: the ids of the events that have got there. */
async function listen(url: string) {
  const heard = new Set<string>()
  const target = await serve((req, res) => {
    heard.add(String(req.headers['webhook-id']))
    res.writeHead(204).end()
  })
  const ready = Promise.withResolvers<void>()
  let stop = (): void => undefined
  const words = ['listen', '--forward-to', target, '--types', 'document.stored', '--url', url]
  const listening = runCli(words, {
    env: cleanEnvironment(stateDir),
    onStart: (interrupt) => (stop = interrupt),
    onText: (text) => text.includes('whsec_') && ready.resolve(),
  })
  await ready.promise
  return { heard, listening, stop: () => stop() }
}

describe('a whole local stack that is killed in the middle of its transfers', () => {
  const content = randomBytes(40 * 1024 * 1024 + 11)
  const drives: readonly [Provider, number, string][] = [
    ['google-drive', 1, 'rita@example.com'],
    ['onedrive', 2, 'rita@contoso.example'],
    ['dropbox', 7, 'rita@example.com'],
  ]

  it('finishes what it had begun when it is started again', async () => {
    const port = await freePorts()
    stack = await startLocalStack({ port, stateDir })
    const api = await apiOf(stack.base, 'rita')
    for (const [provider, offset, account] of drives) {
      const connectionId = await connect(api, provider, account)
      await sim(offset, 'latency', { ms: 0, bytesPerSecond: 20 * 1024 * 1024 })
      const { body } = await api.request<{ upload: { url: string; headers: Record<string, string> } }>(
        'POST',
        `/v1/documents/${provider}/intake`,
        {
          json: { connectionId, contentType: 'application/octet-stream', size: content.length },
        },
      )
      const put = await fetch(body.upload.url, { method: 'PUT', headers: body.upload.headers, body: content })
      expect(put.status).toBe(200)
    }
    const { heard, listening, stop } = await listen(stack.base)
    for (const kill of [1, 2]) {
      // Some bytes of each have arrived, and none is complete.
      for (const [, offset, account] of drives) {
        const patience = AbortSignal.timeout(30_000)
        for (;;) {
          patience.throwIfAborted()
          const open = (await (await sim(offset, `sessions?account=${account}`)).json()) as Received[]
          if (open.some(({ received }) => received > (kill - 1) * 10_000_000)) break
          const files = (await (await sim(offset, `files?account=${account}`)).json()) as unknown[]
          if (files.length > 0) break
        }
      }
      await stack.stop('SIGKILL')
      stack = await startLocalStack({ port, stateDir })
    }
    const again = await apiOf(stack.base, 'rita')
    for (const [provider, offset, account] of drives) {
      const patience = AbortSignal.timeout(60_000)
      let document
      do {
        patience.throwIfAborted()
        document = (await again.request<DocumentAnswer>('GET', `/v1/documents/${provider}`)).body?.document
      } while (document?.status !== 'stored')
      expect(document).toMatchObject({ size: content.length, checksum: { verdict: 'verified' } })
      const files = (await (await sim(offset, `files?account=${account}`)).json()) as {
        name: string
        sha256: string
        trashed: boolean
      }[]
      expect(
        files.filter(({ name, trashed }) => name === provider && !trashed).map(({ sha256 }) => sha256),
      ).toEqual([createHash('sha256').update(content).digest('hex')])
      expect(await (await sim(offset, `sessions?account=${account}`)).json()).toEqual([])
    }
    await until(
      () => Promise.resolve(heard.size),
      (size) => size >= drives.length,
    )
    stop()
    const { code, stdout } = await listening
    expect(code).toBe(130)
    // By one and the same webhook.
    expect(stdout.match(/whsec_/g)).toHaveLength(1)
  })
})
