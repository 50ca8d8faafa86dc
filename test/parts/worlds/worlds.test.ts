import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '../../..')
const run = promisify(execFile)

/** A process of its own: time, timers and chance of the whole of it are a world's. */
async function worlds(...options: readonly string[]): Promise<string> {
  const given = ['--import', './test/worlds/determinism.ts', 'test/worlds/run.ts', ...options]
  const done = await run(process.execPath, given, { cwd: root, maxBuffer: 64 * 1024 * 1024 }).catch(
    (error: { readonly stdout?: string; readonly stderr?: string }) => {
      if (error.stdout === undefined || error.stdout === '') throw error
      return error as { readonly stdout: string }
    },
  )
  return done.stdout
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? ''

describe('the whole product in one process, on a fake clock, under seeded faults', () => {
  it(
    'keeps its invariants in 200 worlds, each under a weather of its own',
    { timeout: 600_000 },
    async () => {
      const told = JSON.parse(lastLine(await worlds('--seeds', '200', '--json'))) as Record<string, unknown>
      expect(told).toMatchObject({ worlds: 200, found: [] })
    },
  )

  it('runs in the same way for the same seed', { timeout: 120_000 }, async () => {
    const twice = await Promise.all([1, 2].map(() => worlds('--seed', '7', '--preset', 'storm')))
    expect(twice[0]).toBe(twice[1])
    expect(lastLine(twice[0] ?? '')).toMatch(/^[0-9a-f]{16}, \d{2,} calls/)
  })

  it('has mended what worlds found', { timeout: 120_000 }, async () => {
    const lines = (await worlds('--found')).trim().split('\n')
    const wrong = lines.map((line) => JSON.parse(line) as { readonly wrong: readonly string[] })
    expect(wrong.length).toBeGreaterThan(2)
    expect(wrong.filter((one) => one.wrong.length > 0)).toEqual([])
  })

  it.each(['judge', 'event'])(
    'notices when the rule of %s is taken away',
    { timeout: 300_000 },
    async (rule) => {
      const told = JSON.parse(lastLine(await worlds('--seeds', '100', '--break', rule, '--json'))) as {
        readonly wrong: number
      }
      expect(told.wrong).toBe(1)
    },
  )
})
