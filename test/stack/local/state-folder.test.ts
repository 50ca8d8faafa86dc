import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { watchDisk } from '../../../local/state-folder.ts'
import { apiOf } from '../../support/api.ts'
import type { StackOptions } from '../../support/local-stack.ts'
import { startLocalStack } from '../../support/local-stack.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const cleanUps: (() => Promise<unknown> | void)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp()
})

async function folder(): Promise<string> {
  const made = await temporaryFolder()
  cleanUps.push(made.remove)
  return made.path
}

async function start(options: StackOptions): Promise<Awaited<ReturnType<typeof startLocalStack>>> {
  const stack = await startLocalStack(options)
  cleanUps.push(() => stack.stop())
  return stack
}

function reset(stateDir: string): { status: number | null; text: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['local/reset.ts'], {
    env: { ...process.env, DRIVEWAY_STATE_DIR: stateDir },
    encoding: 'utf8',
  })
  return { status, text: stdout + stderr }
}

describe('npm run reset', () => {
  it('leaves a folder alone that is not the stack’s, even one with names that the stack uses', async () => {
    const stateDir = await folder()
    writeFileSync(join(stateDir, 'thesis.txt'), 'years of work')
    mkdirSync(join(stateDir, 'aws'))
    expect(reset(stateDir)).toEqual({
      status: 1,
      text: `driveway: ${stateDir} has no mark of the local stack; nothing was deleted\n`,
    })
    expect(readFileSync(join(stateDir, 'thesis.txt'), 'utf8')).toBe('years of work')
    await expect(startLocalStack({ stateDir })).rejects.toThrow(
      `status 1:\ndriveway: ${join(stateDir, 'aws')} is not the stack's; name another folder with DRIVEWAY_STATE_DIR\n`,
    )
    expect(readdirSync(stateDir).toSorted()).toEqual(['aws', 'thesis.txt'])
  })

  it('refuses while a stack runs there, clears afterwards, and keeps what somebody else has put beside', async () => {
    const stateDir = await folder()
    const stack = await start({ stateDir })
    writeFileSync(join(stateDir, 'notes.txt'), 'mine')
    const refusal = `driveway: a stack runs on ${stateDir} at ${stack.base}; end it first, or name another folder with DRIVEWAY_STATE_DIR\n`
    expect(reset(stateDir)).toEqual({ status: 1, text: refusal })
    await expect(startLocalStack({ stateDir })).rejects.toThrow(`status 1:\n${refusal}`)
    const { body } = await (await apiOf(stack.base, 'alice')).request('GET', '/v1/connections')
    expect(body).toMatchObject({ connections: [{ status: 'active' }] })

    await stack.stop('SIGKILL')
    expect(reset(stateDir)).toEqual({
      status: 0,
      text: `cleared ${stateDir}; not the stack's, and kept: notes.txt\n`,
    })
    expect(readdirSync(stateDir)).toEqual(['.driveway-stack.db', 'notes.txt'])
    expect(reset(join(stateDir, 'never')).status).toBe(0)
    expect(existsSync(join(stateDir, 'never'))).toBe(false)
  })
})

describe('the first ready line', () => {
  it('comes when a drive can be used at once', async () => {
    const stateDir = await folder()
    const { output } = await start({ stateDir })
    expect(output()).toMatch(/^ready: .*\n\nStore a document .*\n\ncurl -X PUT .*\n$/)
  })
})

describe('a full disk', () => {
  it('has one line each time that it becomes full', () => {
    vi.useFakeTimers()
    const lines: string[] = []
    let free = 1e9
    const end = watchDisk(
      '/state',
      (line) => lines.push(line),
      () => free,
    )
    for (free of [1e9, 0, 0, 4096, 1e9, 1e9, 0]) vi.advanceTimersByTime(1_000)
    end()
    vi.useRealTimers()
    const line = 'the disk that holds /state is full: make room, then go on'
    expect(lines).toEqual([line, line])
  })
})
