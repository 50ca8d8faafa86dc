import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { simulators } from '../../registry.ts'

const file = fileURLToPath(new URL('../../driveway-simulator.ts', import.meta.url))

function run(...args: string[]) {
  const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

it.each(Object.keys(simulators))('starts %s by its id, and ends with status 0', async (id) => {
  const child = run(id, '--port', '0', '--client', 'mine:secret')
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const [origin = ''] = /http:\/\/127\.0\.0\.1:\d+/.exec(line.toString()) ?? []
  expect(line.toString()).toBe(`the ${id} simulator is at ${origin}\n`)
  expect((await fetch(`${origin}/_sim/clock`)).status).toBe(200)
  child.kill('SIGTERM')
  expect(await once(child, 'exit')).toEqual([0, null])
})

it.each([[[]], [['nobody']], [['google', '--port', 'x']], [['google', '--client', 'no-secret']]])(
  'says how it is used: %j',
  async (args) => {
    const child = run(...args)
    const [said, [status]] = await Promise.all([text(child.stderr), once(child, 'exit')])
    expect(status).toBe(2)
    expect(said).toContain(`usage: driveway-simulator ${Object.keys(simulators).join('|')} `)
  },
)
