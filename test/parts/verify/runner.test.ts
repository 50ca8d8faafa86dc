import { existsSync } from 'node:fs'
import { expect, it } from 'vitest'
import { NotInstalled } from '../../../verify/install.ts'
import type { Outcome, Part, Workplace } from '../../../verify/part.ts'
import type { Result } from '../../../verify/runner.ts'
import { countsOf, runParts } from '../../../verify/runner.ts'

const green: Outcome = { passed: 3, failed: [], figures: '3 calls' }

function part(name: string, run: (at: Workplace) => Promise<Outcome>, more: Partial<Part> = {}): Part {
  return { name, shows: name, needs: [], minutes: 1, run, ...more }
}

async function ran(
  parts: readonly Part[],
  strict = false,
  stop = new AbortController(),
): Promise<{ results: Result[]; log: string }> {
  let log = ''
  const results = await runParts(parts, {
    strict,
    signal: stop.signal,
    log: (name, text) => void (log += `${name}: ${text}`),
    ended: () => undefined,
  })
  return { results, log }
}

const missing = { missing: 'There is no such tool.', there: async () => false }

it('is green for what held, red for what did not and for what looked at nothing', async () => {
  const { results } = await ran([
    part('good', async () => green),
    part('bad', async () => ({ passed: 1, failed: ['one', 'two'], figures: '' })),
    part('empty', async () => ({ passed: 0, failed: [], figures: '' })),
  ])
  expect(results.map(({ verdict }) => verdict)).toEqual(['ok', 'failed', 'failed'])
  expect(countsOf(results)).toEqual({ passed: 4, failed: 3, skipped: 0 })
})

it.each([
  ['a tool is missing', part('p', async () => green, { needs: [missing] }), 'There is no such tool.'],
  [
    'something cannot be installed',
    part('p', () => Promise.reject(new NotInstalled('It could not be installed: no network'))),
    'It could not be installed: no network',
  ],
])('skips a part with a sentence when %s; where all are wanted it is red', async (_, skipped, sentence) => {
  const { results: lenient } = await ran([skipped])
  expect(lenient).toMatchObject([{ verdict: 'skipped', says: [sentence] }])
  expect(countsOf(lenient)).toEqual({ passed: 0, failed: 0, skipped: 1 })
  const { results: strict } = await ran([skipped], true)
  expect(strict).toMatchObject([{ verdict: 'failed', says: [sentence] }])
  expect(countsOf(strict)).toEqual({ passed: 0, failed: 1, skipped: 0 })
})

it('goes on with the next part when one breaks, says why, and removes its folder', async () => {
  let folder = ''
  const broken = part('broken', async (at) => {
    folder = at.folder
    expect(existsSync(folder)).toBe(true)
    throw new Error('the port is taken')
  })
  const { results, log } = await ran([broken, part('next', async () => green)])
  expect(results).toMatchObject([{ verdict: 'failed', says: ['the port is taken'] }, { verdict: 'ok' }])
  expect(log).toContain('broken: Error: the port is taken')
  expect(existsSync(folder)).toBe(false)
})

it('ends a part that takes too long, with all that it started', async () => {
  let pid = 0
  const slow = part(
    'slow',
    async ({ commands }) => {
      const sleeper = commands.start(process.execPath, [
        '-e',
        'console.log(process.pid);setInterval(()=>0,1e6)',
      ])
      await sleeper.says(/\d+\n/)
      pid = Number(sleeper.printed())
      await sleeper.says(/never/)
      return green
    },
    { minutes: 0.02 },
  )
  const { results } = await ran([slow])
  expect(results).toMatchObject([{ verdict: 'failed', says: ['It took longer than 0.02 minutes.'] }])
  expect(() => process.kill(pid, 0)).toThrow('ESRCH')
})

it('begins no part once the run was ended', async () => {
  const stop = new AbortController()
  const first = part('first', async ({ signal }) => {
    stop.abort()
    signal.throwIfAborted()
    return green
  })
  const { results } = await ran([first, part('second', async () => green)], false, stop)
  expect(results).toMatchObject([{ part: 'first', verdict: 'failed', says: ['The run was ended.'] }])
})
