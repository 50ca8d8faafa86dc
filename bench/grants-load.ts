/**
 * Connects, rotates, refreshes, disconnects and packs many connections by many processes at once, which are
 * killed between two calls of AWS: `node bench/grants-load.ts [connections] [processes] [rounds]`, 5000, 16
 * and 2 without. After each round it is checked what the models promise; status 1 when it does not hold.
 * The figures go to `bench/results/grants-load.md`.
 */
import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import type { Known } from '../test/support/grants-load.ts'
import {
  checkAnytime,
  checkSettled,
  learn,
  loadActs,
  randomFrom,
  settleAll,
  startConnections,
} from '../test/support/grants-load.ts'
import type { LoadOrder, LoadReport } from '../test/support/grants-load-worker.ts'
import { openWorld } from '../test/support/grants-world.ts'

const [connections = 5000, processes = 16, rounds = 2] = process.argv.slice(2).map(Number)
/** Of these as many pack, all the time; one in so many acts is somebody's last. */
const packers = 2
const diesOneIn = 50
const tokenBytes = { 'google-drive': 103, onedrive: 1500 } as const

const random = randomFrom(20_261_128)
const world = await openWorld()
let tokens = 0
let deaths = 0
let failures = 0

type Order = Pick<LoadOrder, 'act' | 'connection' | 'token' | 'diesAfter'>

/** A process that does one order after the other; a new one takes the place of one that was killed. */
function openWorker() {
  let child: ChildProcess | undefined
  const start = async (): Promise<ChildProcess> => {
    const made = fork(new URL('../test/support/grants-load-worker.ts', import.meta.url), {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    await once(made, 'message')
    return made
  }
  return {
    /** The calls of AWS that it took; undefined when it was killed over it, or failed. */
    async do(order: Order): Promise<number | undefined> {
      child ??= await start()
      const clockOffset = world.clock.now() - Date.now()
      const ended = new AbortController()
      const done = once(child, 'message', ended).then(([report]) => report as LoadReport)
      const killed = once(child, 'exit', ended).then(() => undefined)
      // The one that does not come ends with the other.
      for (const one of [done, killed]) one.catch(() => undefined)
      child.send({ ...order, endpoints: world.endpoints, clockOffset } satisfies LoadOrder)
      const report = await Promise.race([done, killed])
      ended.abort()
      if (report !== undefined) {
        if (report.kind === 'ready' || !report.failed) return report.kind === 'done' ? report.calls : 0
        failures += 1
        return undefined
      }
      child = undefined
      deaths += 1
      return undefined
    },
    end: () => child?.kill('SIGKILL'),
  }
}

async function playRound(all: readonly Known[], round: number, workers: readonly Worker[]) {
  const queue = all.values()
  const taken = new Map<string, { acts: number; calls: number }>()
  const signal = { over: false }
  const works = async (worker: Worker): Promise<void> => {
    for (const known of queue) {
      const { connection } = known
      const token = `token-${String((tokens += 1))}`.padEnd(
        tokenBytes[connection.provider as keyof typeof tokenBytes],
        '.',
      )
      const kind = Math.floor(random() * loadActs.length)
      const act = (round === 0 && random() < 0.8 ? 'consent' : loadActs[kind]) ?? 'consent'
      const isLast = random() * diesOneIn < 1
      const calls = await worker.do({
        act,
        connection,
        token,
        ...(isLast ? { diesAfter: Math.floor(random() * 12) } : {}),
      })
      learn(known, act, token, calls !== undefined)
      const { acts = 0, calls: before = 0 } = taken.get(act) ?? {}
      if (calls !== undefined) taken.set(act, { acts: acts + 1, calls: before + calls })
    }
  }
  const packs = async (worker: Worker): Promise<void> => {
    while (!signal.over) {
      const isLast = random() < 0.1
      await worker.do({
        act: 'pack',
        token: '',
        ...(isLast ? { diesAfter: Math.floor(random() * 400) } : {}),
      })
    }
  }
  const packing = workers.slice(0, packers).map(packs)
  await Promise.all(workers.slice(packers).map(works))
  signal.over = true
  await Promise.all(packing)
  return taken
}
type Worker = ReturnType<typeof openWorker>

const lines = [
  '# Many connections, many processes, killed at any call',
  '',
  `${String(connections)} connections, half of each drive (tokens of 103 and 1,500 bytes), ${String(processes)} processes of which ${String(packers)} pack all the time, on ${String(availableParallelism())} cores. What the models promise (\`models/README.md\`, V1 to V8) was checked right after each round, and once all was settled.`,
  '',
  '| round | seconds | acts | killed | failed | AWS calls an act: consent, rotate, refresh, leave | secrets right after | connected | secrets once settled |',
  '| ----- | ------: | ---: | -----: | -----: | ------------------------------------------------: | ------------------: | --------: | -------------------: |',
]
const workers = Array.from({ length: processes }, openWorker)
try {
  const all = await startConnections(world, connections)
  for (let round = 0; round < rounds; round += 1) {
    const began = performance.now()
    deaths = 0
    failures = 0
    await world.aws.clear()
    const taken = await playRound(all, round, workers)
    const seconds = Math.round((performance.now() - began) / 1000)
    const busy = await checkAnytime(world, all)
    await settleAll(world, all)
    const settled = await checkSettled(world, all)
    const acts = [...taken.values()].reduce((sum, one) => sum + one.acts, 0)
    const each = loadActs.map((act) => {
      const { acts: done = 0, calls = 0 } = taken.get(act) ?? {}
      return done === 0 ? '–' : (calls / done).toFixed(1)
    })
    const connected = all.filter(({ may }) => !may.has(undefined)).length
    const figures = [
      round + 1,
      seconds,
      acts,
      deaths,
      failures,
      each.join(', '),
      busy.secrets,
      connected,
      settled.secrets,
    ]
    lines.push(`| ${figures.map(String).join(' | ')} |`)
    process.stdout.write(`${lines.at(-1) ?? ''}\n`)
    writeFileSync('bench/results/grants-load.md', `${lines.join('\n')}\n`)
  }
} finally {
  for (const worker of workers) worker.end()
  await world.close()
}
