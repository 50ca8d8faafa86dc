import type { Connection } from '../../lib/catalog/connections.ts'
import type { GrantRow } from '../../lib/catalog/grants.ts'
import type { TokenRow } from '../../lib/catalog/tokens.ts'
import { disconnectGrant } from '../../lib/grants/connect.ts'
import type { TokenOutcome } from '../../lib/grants/grant.ts'
import { consentOf } from '../../lib/grants/grant-row.ts'
import { obtainToken } from '../../lib/grants/tokens/obtain.ts'
import { newConnectionId } from '../../lib/ids.ts'
import type { Secret } from '../../lib/secret.ts'
import { secret } from '../../lib/secret.ts'
import { caller } from '../support/grants-world.ts'
import { Deployment, giveConsent } from './deployment.ts'
import { Worker } from './gate.ts'
import type { Step, Told, Trace } from './trace.ts'
import { firstDifference } from './trace.ts'

/** The model's unit of time, and how long a lease is in it. */
const unitMs = 10_000
const leaseUnits = 2
const provider = 'onedrive'
/** Where who has found a mark that is no longer true begins again: in the model it is at rest. */
const anew = ['Get tokens', 'Update tokens']

export interface ModelState {
  readonly row: {
    readonly fence: number
    readonly owner: number
    readonly dead: number
    readonly access: number
  }
  readonly grant: { readonly consent: number; readonly token: number }
  readonly status: string
}

/** A state of `lease.qnt` in the words that the replay has for what it finds. */
export const tellLease = ({ row, grant, status }: ModelState): Told => ({
  tokens: tokensLine(row.fence, row.owner > 0, row.dead, row.access),
  grant: grant.consent === 0 ? 'none' : `${String(grant.consent)} token ${String(grant.token)}`,
  connection: status,
})

function tokensLine(fence: number, isLeased: boolean, dead: number, access: number): string {
  const words = [
    `fence ${String(fence)}`,
    isLeased ? 'leased' : '',
    access > 0 ? `access ${String(access)}` : '',
  ]
  return [...words, dead === -1 ? 'gone' : dead > 0 ? `dead ${String(dead)}` : '']
    .filter((word) => word !== '')
    .join(', ')
}

/** Does on the real code what a run of `lease.qnt` did, and tells where the two differ. */
export async function replayLease(trace: Trace): Promise<readonly string[]> {
  const replay = new LeaseReplay()
  await replay.begin()
  return firstDifference(trace, async (step) => {
    if (step.did !== 'init') await replay.repeat(step)
    return replay.tell()
  })
}

class LeaseReplay {
  readonly #deployment = new Deployment()
  readonly #main = this.#deployment.open()
  readonly #holder = { ...caller('model'), connectionId: newConnectionId(), provider } as const
  readonly #workers = new Map<string, Worker>()
  /** At the provider. */
  #valid = new Set<number>()
  #issued = 0
  /** Which consent a refresh token is of, and by what the code tells a consent. */
  readonly #consentOfToken = new Map<number, number>()
  readonly #consents = new Map<string, number>()

  async begin(): Promise<void> {
    await this.#main.connections.create({ ...this.#holder, status: 'disconnected' })
    await giveConsent(this.#main, await this.#connection(), this.#issue())
    await this.#know()
    // The model begins with the row of a refresh that has failed, and so without an access token.
    const { connectionId } = this.#holder
    const { now } = this.#deployment
    await this.#main.tokens.remove(connectionId)
    await this.#main.tokens.acquire(connectionId, 'first', now, now)
    await this.#main.tokens.settle({ connectionId, owner: 'first', fence: 1 }, { kind: 'release' })
  }

  async repeat({ did, who }: Step): Promise<void> {
    const act = this.#acts[did]
    if (act === undefined) throw new Error(`${did} is not replayed.`)
    // Versions follow the clock.
    this.#deployment.now += 50
    await act(who)
    await this.#know()
  }

  readonly #acts: Readonly<Record<string, (who: string) => Promise<void>>> = {
    acquires: (who) => this.#obtain(who, 'ask'),
    seesMark: (who) => this.#obtain(who, 'Get connections'),
    goesUnfenced: (who) => this.#obtain(who, 'ask', 'Update tokens'),
    goesBlind: (who) => this.#obtain(who, 'ask', 'Get tokens'),
    asks: (who) => this.#on(who, ['Put grants', 'Get grants']),
    rereads: (who) => this.#on(who, ['ask', 'Update tokens', 'Get connections']),
    keeps: (who) => this.#on(who, ['Update tokens']),
    settles: (who) => this.#on(who, []),
    buries: (who) => this.#on(who, ['Get connections'], 0),
    reads: (who) => this.#on(who, ['Get grants']),
    looksAgain: (who) => this.#on(who, ['Put connections', ...anew]),
    marks: (who) => this.#on(who, ['Get connections']),
    done: (who) => this.#on(who, anew),
    dies: async (who) => void this.#workers.delete(who),
    consents: async () => {
      const connection = await this.#connection()
      const token = this.#issue()
      await this.#begin('user', (stack) => giveConsent(stack, connection, token)).until(
        (label) => label === 'TransactWrite',
      )
    },
    commits: () => this.#on('user', ['Update tokens']),
    storesFirst: () => this.#on('user', []),
    consentDies: async () => void this.#workers.delete('user'),
    withdraws: async () => this.#valid.clear(),
    disconnects: async () => {
      const { connectionId } = this.#holder
      await this.#main.connections.change(this.#holder, connectionId, () => ({ status: 'disconnected' }))
      const connection = await this.#connection()
      const end = this.#begin('goodbye', (stack) => disconnectGrant(stack, connection))
      await end.until((label) => label === 'Get grants', 0)
    },
    takesGrant: () => this.#on('goodbye', ['Update tokens']),
    takesTokens: () => this.#on('goodbye', []),
    timePasses: async () => void (this.#deployment.now += unitMs),
  }

  /** A process that wants a token; a call of the tokens table that is `broken` fails in it until it asks. */
  async #obtain(who: string, stop: string, broken?: string): Promise<void> {
    const connection = await this.#connection()
    let isBroken = broken !== undefined
    const worker = new Worker()
    const call: Worker['call'] = (label, perform) =>
      worker.call(label, () =>
        isBroken && label === broken ? Promise.reject(new Error('broken')) : perform(),
      )
    this.#workers.set(who, worker)
    const refresh = (_provider: unknown, token: Secret) =>
      call('ask', async () => {
        isBroken = false
        return this.#answer(token)
      })
    const after = Number.MAX_SAFE_INTEGER
    const leaseMs = leaseUnits * unitMs
    worker.begin(() =>
      obtainToken({ ...this.#deployment.open({ call }), refresh, leaseMs }, connection, after),
    )
    await worker.until((label) => label === stop)
  }

  /** The provider's: each refresh gives another token, and the older ones go on. */
  #answer(presented: Secret): TokenOutcome {
    const number = Number(presented.reveal())
    if (!this.#valid.has(number))
      return { granted: false, reason: 'grant_revoked', providerCode: 'invalid_grant' }
    const consent = this.#consentOfToken.get(number) ?? 0
    const refreshToken = secret(this.#issue(consent))
    return {
      granted: true,
      tokens: {
        accessToken: secret(`access-${String(consent)}`),
        expiresInSeconds: 60,
        scopes: [],
        refreshToken,
      },
    }
  }

  #issue(consent?: number): string {
    this.#issued += 1
    this.#valid.add(this.#issued)
    this.#consentOfToken.set(this.#issued, consent ?? this.#issued)
    return String(this.#issued)
  }

  #begin(who: string, work: (stack: ReturnType<Deployment['open']>) => Promise<unknown>): Worker {
    const worker = new Worker()
    this.#workers.set(who, worker)
    worker.begin(() => work(this.#deployment.open(worker)))
    return worker
  }

  async #on(who: string, stops: readonly string[], atLeast = 1): Promise<void> {
    await this.#workers.get(who)?.until((label) => stops.includes(label), atLeast)
  }

  async #connection(): Promise<Connection> {
    const found = await this.#main.connections.get(this.#holder, this.#holder.connectionId)
    if (found === undefined) throw new Error('There is no connection.')
    return found
  }

  /** A consent that has just been committed: how the code tells it from others. */
  async #know(): Promise<void> {
    const [row] = this.#deployment.tables.all('grants') as unknown as readonly GrantRow[]
    const consent = row && consentOf(row)
    if (consent === undefined || this.#consents.has(consent)) return
    this.#consents.set(consent, Number((await this.#grant())?.consent))
  }

  #tokens(): TokenRow | undefined {
    return (this.#deployment.tables.all('tokens') as unknown as readonly TokenRow[])[0]
  }

  async #grant(): Promise<{ readonly consent: number; readonly token: number } | undefined> {
    const held = (await this.#main.grants.read(this.#holder))?.held
    if (held === undefined || !('refreshToken' in held)) return undefined
    const token = Number(held.refreshToken.reveal())
    return { consent: this.#consentOfToken.get(token) ?? 0, token }
  }

  async tell(): Promise<Told> {
    const { connectionId } = this.#holder
    const { fence = 0, leaseOwner, dead, deadConsent = '', accessToken } = this.#tokens() ?? {}
    const opened =
      accessToken === undefined
        ? undefined
        : await this.#main.sealer.open(accessToken, 'access token', connectionId)
    const access = Number(opened?.reveal().slice('access-'.length) ?? 0)
    const mark = dead === undefined ? 0 : (this.#consents.get(deadConsent) ?? -1)
    const grant = await this.#grant()
    const { status } = await this.#connection()
    return {
      tokens: tokensLine(fence, leaseOwner !== undefined, mark, access),
      grant: grant === undefined ? 'none' : `${String(grant.consent)} token ${String(grant.token)}`,
      connection: status === 'requires_reauth' ? 'reauth' : status,
    }
  }
}
