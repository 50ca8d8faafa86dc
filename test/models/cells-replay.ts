import type { Connection } from '../../lib/catalog/connections.ts'
import type { GrantRow } from '../../lib/catalog/grants.ts'
import { itemsIn } from '../../lib/grants/cell.ts'
import { disconnectGrant } from '../../lib/grants/connect.ts'
import { pack } from '../../lib/grants/pack.ts'
import type { ReadGrant } from '../../lib/grants/store.ts'
import { newConnectionId } from '../../lib/ids.ts'
import { secret } from '../../lib/secret.ts'
import { caller } from '../support/grants-world.ts'
import { Deployment, giveConsent, hour } from './deployment.ts'
import { Worker } from './gate.ts'
import type { Step, Told, Trace } from './trace.ts'
import { firstDifference } from './trace.ts'

type Name = string
const names: readonly Name[] = ['x', 'y', 'z']
const provider = 'google-drive'

interface ModelRow {
  readonly here: boolean
  readonly key: number
  readonly at: number
  readonly hot: number
  readonly arriving: number
  readonly goes: readonly number[]
  readonly leaves: readonly number[]
  readonly gone: boolean
}
interface ModelItem {
  readonly conn: Name
  readonly token: number
}
export interface ModelState {
  readonly rows: Readonly<Record<Name, ModelRow>>
  readonly secrets: Readonly<Record<string, readonly ModelItem[]>>
  readonly cells: Readonly<Record<string, string>>
  readonly newest: Readonly<Record<Name, number>>
}

/** A state of `cells.qnt` in the words that the replay has for what it finds. */
export function tellCells({ rows, secrets, cells, newest }: ModelState): Told {
  const sorted = (numbers: readonly number[]) => numbers.toSorted((one, other) => one - other).join(',')
  const told: Record<string, string> = {}
  for (const name of names) {
    const row = rows[name]
    if (row?.here !== true) continue
    const at = row.at === 0 ? '' : `@${String(row.at)}=${String(newest[name])}`
    const words = [at, row.hot > 0 ? 'hot' : '', row.arriving > 0 ? `+${String(row.arriving)}` : '']
    const left = [
      row.goes.length > 0 ? `-${sorted(row.goes)}` : '',
      row.leaves.length > 0 ? `~${sorted(row.leaves)}` : '',
    ]
    told[name] = [...words, ...left, row.gone ? 'gone' : ''].filter((word) => word !== '').join(' ') || 'row'
  }
  for (const [number, items] of Object.entries(secrets))
    told[number] =
      items
        .map(({ conn }) => conn)
        .toSorted()
        .join('') + (cells[number] === undefined ? '' : ` ${cells[number]}`)
  for (const [number, state] of Object.entries(cells)) told[number] ??= `- ${state}`
  return told
}

/** Does on the real code what a run of `cells.qnt` did, and tells where the two differ. */
export async function replayCells(trace: Trace): Promise<readonly string[]> {
  const deployment = new Deployment()
  const replay = new CellsReplay(deployment)
  await replay.begin()
  return firstDifference(trace, async (step) => {
    deployment.now += 1_000
    if (step.did !== 'init') await replay.repeat(step)
    return replay.tell()
  })
}

class CellsReplay {
  readonly #deployment: Deployment
  readonly #main: ReturnType<Deployment['open']>
  readonly #connections = new Map<Name, Connection>()
  readonly #workers = new Map<string, Worker>()
  readonly #reads = new Map<Name, { readonly read: ReadGrant; readonly token: string }>()
  /** The model's numbers of secrets, by their real names; and of tokens. */
  readonly #numbers = new Map<string, number>()
  #names = 0
  #tokens = 0

  constructor(deployment: Deployment) {
    this.#deployment = deployment
    this.#main = deployment.open()
  }

  async begin(): Promise<void> {
    for (const name of names) {
      const holder = { ...caller('model'), connectionId: newConnectionId(), provider } as const
      const made = { ...holder, status: 'disconnected' } as const
      this.#connections.set(name, await this.#main.connections.create(made))
    }
  }

  async repeat({ did, who, conn }: Step): Promise<void> {
    const act = this.#acts[did]
    if (act === undefined) throw new Error(`${did} is not replayed.`)
    await act(did.startsWith('goodbye') || did === 'disconnects' ? `bye ${conn}` : who, conn)
    await this.#number()
  }

  readonly #acts: Readonly<Record<string, (who: string, conn: Name) => Promise<void>>> = {
    consentNames: async (who, conn) => {
      const token = `token-${String((this.#tokens += 1))}`
      const connection = this.#connection(conn)
      await this.#begin(who, (stack) => giveConsent(stack, connection, token)).until(
        (label) => label === 'CreateSecret',
      )
    },
    consentMakes: (who) => this.#worker(who).until((label) => label === 'Get connections'),
    consentCommits: (who) => this.#worker(who).until(() => false),
    consentDies: (who) => this.#kill(who),
    rotationAsks: async (_who, conn) => {
      const read = await this.#deployment.open().grants.read(this.#connection(conn))
      if (read !== undefined) this.#reads.set(conn, { read, token: `token-${String((this.#tokens += 1))}` })
    },
    rotationWrites: async (_who, conn) => {
      const { read, token } = this.#reads.get(conn) ?? {}
      if (read !== undefined)
        await this.#main.grants.used(this.#connection(conn), read, { refreshToken: secret(token ?? '') })
    },
    disconnects: async (who, conn) => {
      const connection = this.#connection(conn)
      await this.#main.connections.change(connection, connection.connectionId, () => ({
        status: 'disconnected',
      }))
      await this.#begin(who, (stack) => disconnectGrant(stack, connection)).until(
        (label) => label === 'DeleteSecret',
      )
    },
    goodbyeEnds: (who) => this.#worker(who).until(() => false),
    goodbyeDies: (who) => this.#kill(who),
    packBegins: (who) =>
      this.#begin(who, (stack) => pack(stack.packer, provider, () => false)).until(
        (label) => label === 'CreateSecret' || label === 'Query grants',
      ),
    packGoesOn: (who) => this.#worker(who).until((label) => label === 'CreateSecret'),
    packMakes: (who) => this.#worker(who).until((label) => label === 'TransactWrite'),
    packMoves: (who) => this.#worker(who).until((label) => label === 'Update cells'),
    packOpens: (who) => this.#worker(who).until((label) => label === 'Query grants'),
    packDies: (who) => this.#kill(who),
    dayPasses: async () => {
      this.#workers.clear()
      this.#deployment.now += 25 * hour
    },
  }

  #begin(who: string, work: (stack: ReturnType<Deployment['open']>) => Promise<unknown>): Worker {
    const worker = new Worker()
    this.#workers.set(who, worker)
    worker.begin(() => work(this.#deployment.open(worker)))
    return worker
  }

  #worker(who: string): Worker {
    return this.#workers.get(who) ?? new Worker()
  }

  async #kill(who: string): Promise<void> {
    this.#workers.delete(who)
  }

  #connection(name: Name): Connection {
    const found = this.#connections.get(name)
    if (found === undefined) throw new Error(`There is no ${name}.`)
    return found
  }

  /** New names get the model's numbers: singles are odd, cells even, in the order of their making. */
  async #number(): Promise<void> {
    const rows = this.#deployment.tables.all('grants') as unknown as readonly GrantRow[]
    const cells = this.#deployment.tables.all('cells').map(({ cell }) => String(cell))
    const arriving = rows.flatMap((row) => row.arriving ?? [])
    for (const name of [...arriving, ...cells])
      if (!this.#numbers.has(name)) {
        this.#numbers.set(name, 2 * this.#names + (name.startsWith('cells/') ? 2 : 1))
        this.#names += 1
      }
  }

  #numberOf(name: string): string {
    return String(this.#numbers.get(name) ?? `(${name})`)
  }

  /** What stands now, in the words of `tellCells`. */
  async tell(): Promise<Told> {
    const told: Record<string, string> = {}
    const rows = this.#deployment.tables.all('grants') as unknown as readonly GrantRow[]
    const sorted = (list: readonly string[]) =>
      list
        .map((name) => this.#numberOf(name))
        .toSorted((one, other) => Number(one) - Number(other))
        .join(',')
    const nameOf = (id: string): Name =>
      names.find((name) => this.#connection(name).connectionId === id) ?? id
    for (const row of rows) {
      const { at, hot, arriving, goes, leaves, goneAt, connectionId } = row
      const name = nameOf(connectionId)
      // A process with nothing in memory.
      const read =
        at === undefined ? undefined : await this.#deployment.open().grants.read(this.#connection(name))
      const token =
        read !== undefined && 'refreshToken' in read.held ? read.held.refreshToken.reveal().slice(6) : '?'
      const words = [
        at === undefined ? '' : `@${this.#numberOf(at)}=${token}`,
        hot === undefined ? '' : 'hot',
        arriving === undefined ? '' : `+${this.#numberOf(arriving)}`,
        goes.length === 0 ? '' : `-${sorted(goes)}`,
        leaves.length === 0 ? '' : `~${sorted(leaves)}`,
        goneAt === undefined ? '' : 'gone',
      ]
      told[name] = words.filter((word) => word !== '').join(' ') || 'row'
    }
    const cells = this.#deployment.tables.all('cells') as unknown as readonly {
      cell: string
      state: string
    }[]
    const states = new Map(cells.map(({ cell, state }) => [cell, state]))
    for (const [path, { value }] of this.#deployment.secrets) {
      const name = path.replace(/^\//, '')
      const items = typeof value === 'string' ? [] : itemsIn(value)
      const state = states.get(name)
      const inside = items
        .map(({ connectionId }) => nameOf(connectionId))
        .toSorted()
        .join('')
      told[this.#numberOf(name)] = inside + (state === undefined ? '' : ` ${state}`)
    }
    for (const [cell, state] of states) told[this.#numberOf(cell)] ??= `- ${state}`
    return told
  }
}
