import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { DocumentAnswer } from '../../support/api.ts'
import { apiOf } from '../../support/api.ts'
import type { LocalStack, StackOptions } from '../../support/local-stack.ts'
import { freePorts, startLocalStack } from '../../support/local-stack.ts'

const cleanUps: (() => Promise<unknown> | void)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp()
})

async function start(options?: StackOptions): Promise<LocalStack> {
  const stack = await startLocalStack(options)
  cleanUps.push(() => stack.dispose())
  return stack
}

function newStateDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'driveway-stack-'))
  cleanUps.push(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** The processes that `pid` has started, by their command lines. */
function descendants(pid: number): string[] {
  const rows = execFileSync('ps', ['-eo', 'pid=,ppid=,args='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .flatMap((match) =>
      match === null ? [] : [{ pid: Number(match[1]), parent: Number(match[2]), command: match[3] ?? '' }],
    )
  const below = (parent: number): string[] =>
    rows.filter((row) => row.parent === parent).flatMap((row) => [`${row.pid}`, ...below(row.pid)])
  return below(pid)
}

const alive = (pid: string): boolean => {
  try {
    process.kill(Number(pid), 0)
    return true
  } catch {
    return false
  }
}

async function until(what: () => boolean): Promise<void> {
  const patience = AbortSignal.timeout(10_000)
  while (!what()) {
    patience.throwIfAborted()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Runs the printed curl line as a shell would, and answers what it printed. */
function runPrintedLine(stack: LocalStack): string {
  const line = /^curl -X PUT .*$/m.exec(stack.output())?.[0] ?? ''
  return execFileSync('sh', ['-c', `${line} --silent --show-error`], { encoding: 'utf8' })
}

describe('npm start', () => {
  it('prints one ready line and a curl line that stores a document, and finds everything again after a restart', async () => {
    const stateDir = newStateDir()
    const first = await start({ stateDir })
    expect(first.output().match(/^ready/gm)).toHaveLength(1)
    expect(await (await fetch(`${first.base}/healthz`)).json()).toEqual({ ok: true })
    const reference = await fetch(`${first.base}/docs`)
    expect(reference.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(await reference.text()).toContain('/v1/documents/{documentId}')
    const stored = JSON.parse(runPrintedLine(first)) as DocumentAnswer
    expect(stored.document).toMatchObject({ id: 'hello', status: 'stored', provider: 'google-drive' })
    const files = (await (await fetch(`${first.at(1)}/_sim/files?account=alice@example.com`)).json()) as {
      name: string
    }[]
    expect(files.map(({ name }) => name)).toContain('hello.txt')
    expect(await first.stop()).toBe(0)

    const second = await start({ stateDir, port: first.port })
    const alice = await apiOf(second.base, 'alice')
    const connections = await alice.request<{ connections: { status: string }[] }>('GET', '/v1/connections')
    expect(connections.body.connections.map(({ status }) => status)).toEqual(['active'])
    expect((await alice.request('GET', '/v1/documents/hello/content')).text).toBe('Hello, Drive.')
  })

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'ends with status 0 on %s and leaves no process behind',
    async (signal) => {
      const stack = await start()
      const processes = descendants(stack.pid)
      expect(processes.length).toBeGreaterThan(3)
      expect(await stack.stop(signal)).toBe(0)
      expect(processes.filter(alive)).toEqual([])
    },
  )

  it('ends with status 0 and leaves nothing behind when npm itself is told to end', async () => {
    const stack = await start({ command: ['npm', 'start'] })
    const processes = descendants(stack.pid)
    expect(processes.length).toBeGreaterThan(4)
    expect(await stack.stop('SIGTERM')).toBe(0)
    expect(processes.filter(alive)).toEqual([])
  })

  it('takes its servers along when it is killed', async () => {
    const stack = await start()
    const processes = descendants(stack.pid)
    await stack.stop('SIGKILL')
    await until(() => !processes.some(alive))
  })

  it('names a port that is taken and ends with status 1', async () => {
    const port = await freePorts()
    const squatter = createServer().listen(port + 3, '127.0.0.1')
    await once(squatter, 'listening')
    cleanUps.push(() => squatter.close() && undefined)
    await expect(startLocalStack({ port })).rejects.toThrow(
      new RegExp(`status 1:\\s*driveway: port ${port + 3} \\(s3\\) is taken[^\\n]*\\n$`),
    )
  })
})
