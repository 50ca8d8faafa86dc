import { createHash } from 'node:crypto'
import { userId, userKeyOf } from '../../lib/ids.ts'
import { consent, jsonOf, statusOf } from './client.ts'
import type { HttpAnswer, Outcome } from './lambda.ts'
import type { Deed } from './ledger.ts'
import { absent, contentEffect } from './ledger.ts'
import type { Act } from './plan.ts'
import type { Scene } from './scene.ts'
import { sha256 } from './ledger.ts'

type DoorAct = (scene: Scene, act: Act) => Promise<void>
/** Whatever a request has begun has reached its drive by then, or never will. */
const longestRequestMs = 45_000
const extensions = ['.pdf', '.pdf', '.pdf', '.txt', '.docx', ''] as const

/** What apps and other systems do through the doors of the API and of the intake bucket. */
export const doorActs = {
  async put(scene, act) {
    const { history, bytes, extension } = content(scene, act, 4 * scene.ground.sizes.small)
    const headers: Record<string, string> = { 'content-type': 'application/pdf' }
    const condition = scene.dice()
    if (condition < 0.15) headers['if-none-match'] = '*'
    else if (condition < 0.25) headers['if-match'] = '*'
    const query = { connectionId: scene.place.connectionId, ...(extension === '' ? {} : { extension }) }
    const deed = begun(
      scene,
      act,
      `put${headers['if-none-match'] ? ' if none' : ''}`,
      contentEffect(history, bytes),
    )
    const outcome = await scene.ask('put-document', {
      method: 'PUT',
      path: { documentId: act.document },
      query,
      headers,
      bytes,
    })
    answered(scene, deed, outcome)
    deed.created = statusOf(outcome) === 201
  },

  async delete(scene, act) {
    const deed = begun(scene, act, 'delete', absent)
    const outcome = await scene.ask('delete-document', {
      method: 'DELETE',
      path: { documentId: act.document },
    })
    answered(scene, deed, outcome)
  },

  async intake(scene, act) {
    await announce(scene, act, 'start-intake')
  },

  async 'upload-url'(scene, act) {
    await announce(scene, act, 'create-upload-url')
  },

  async drop(scene, act) {
    const { ground, place, ledger } = scene
    const { history, bytes, extension } = content(scene, act)
    const name = `${act.document}${extension}`
    const key = `${userKeyOf(userId(place.sub))}/${place.connectionId}/${name}`
    const deed = begun(scene, act, `drop ${name}`, contentEffect(history, bytes))
    // It may be taken for as long as it lies there. What is called `report.pdf` may be of either document.
    const other = { report: 'report.pdf', 'report.pdf': 'report' }[act.document]
    if (other !== undefined && name === 'report.pdf') {
      scene.did(other, deed)
      for (const [sha, sent] of history.contents) ledger.of(place.sub, other).contents.set(sha, sent)
    }
    await ground.putObject('intake', key, bytes, false)
  },

  async get(scene, act) {
    const { ground, ledger, place } = scene
    const begin = ground.now
    const outcome = await scene.ask('get-document', { path: { documentId: act.document } })
    if (outcome.kind !== 'answer') return
    const { status, headers, body, isBroken } = outcome.answer
    ground.tell(`[${String(act.id)}] get ${act.document}: ${String(status)} ${String(body.length)} bytes`)
    refuseInternal(scene, outcome)
    if (status !== 200 || isBroken) return
    if (Number(headers['content-length']) !== body.length)
      ledger.find(
        'I3',
        `${act.document} was read with ${String(body.length)} of ${String(headers['content-length'])} bytes`,
      )
    ledger
      .of(place.sub, act.document)
      .sights.push({ begin, end: ground.now, sha: sha256(body), size: body.length })
  },

  async stat(scene, act) {
    const outcome = await scene.ask('stat-document', { path: { documentId: act.document } })
    refuseInternal(scene, outcome)
    const view = jsonOf(outcome)['document'] as Record<string, unknown> | undefined
    if (view) scene.ground.tell(`[${String(act.id)}] stat ${act.document}: ${String(view['status'])}`)
  },

  async list(scene) {
    refuseInternal(scene, await scene.ask('list-documents', {}))
  },

  async disconnect(scene) {
    const { place, ledger } = scene
    ledger.disconnected.add(place.connectionId)
    const path = { connectionId: place.connectionId }
    const outcome = await scene.ask('delete-connection', { method: 'DELETE', path })
    scene.ground.tell(`disconnect of ${place.provider}: ${String(statusOf(outcome))}`)
    refuseInternal(scene, outcome)
  },

  async reconnect(scene) {
    await reconnect(scene)
  },
} as const satisfies Readonly<Record<string, DoorAct>>

/** The same account, anew; true when it is active again. */
export async function reconnect({ ground, place, ask }: Scene): Promise<boolean> {
  const { connectionId, account } = place
  const begun = jsonOf(
    await ask('reauthorize-connection', {
      method: 'POST',
      path: { connectionId },
      json: { returnUrl: 'https://app.example/done' },
    }),
  )
  const authorizationUrl = begun['authorizationUrl']
  if (typeof authorizationUrl !== 'string') return begun['connection'] !== undefined
  const status = statusOf(await consent(ground, ask, { authorizationUrl, connectionId, account }))
  ground.tell(`reconnect of ${account}: ${String(status)}`)
  return status === 200
}

async function announce(scene: Scene, act: Act, route: 'start-intake' | 'create-upload-url'): Promise<void> {
  const { ground, place, dice } = scene
  const { history, bytes, extension } = content(scene, act)
  const announced = dice() < 0.1 ? bytes.length + 1 : bytes.length
  const type = { contentType: 'application/pdf', connectionId: place.connectionId }
  const hash = dice() < 0.5 ? { sha256: sha256(bytes) } : {}
  const named = extension === '' ? {} : { extension }
  const effect = contentEffect(history, bytes)
  const deed = begun(scene, act, route, effect)
  const outcome = await scene.ask(route, {
    method: 'POST',
    path: { documentId: act.document },
    json: { ...type, size: announced, ...hash, ...named },
  })
  answered(scene, deed, outcome)
  // What is announced changes nothing; only bytes that come to its URL do.
  deed.outcome = 'not'
  const answer = jsonOf(outcome)
  const upload = (answer['upload'] ?? answer) as {
    readonly url?: string
    readonly headers?: Record<string, string>
  }
  const { url, headers = {} } = upload
  if (url === undefined || dice() < 0.1) return
  const taken = new Set<string>()
  const expect = (sha: string): void => {
    effect.shas.add(sha)
    deed.outcome = 'maybe'
  }
  const use = (name: string, delayMs: number, sent: Buffer): void => {
    ground.after(delayMs, () => void send(name, sent))
  }
  const send = async (name: string, sent: Buffer): Promise<void> => {
    const sha = sha256(sent)
    // It may be stored before the answer is here.
    expect(sha)
    history.contents.set(sha, sent)
    const status = await ground.putSigned(url, headers, sent)
    ground.tell(`[${String(act.id)}] ${name} of ${String(sent.length)} bytes: ${String(status)}`)
    if (status >= 400 && status < 500) {
      if (!taken.has(sha)) effect.shas.delete(sha)
      if (taken.size === 0) deed.outcome = 'not'
      return
    }
    taken.add(sha)
    expect(sha)
    if (status === 200 && sent.length !== announced && route === 'start-intake')
      scene.ledger.find(
        'I8',
        `${act.document}: a URL took ${String(sent.length)} bytes for ${String(announced)}`,
      )
  }
  use('upload', Math.floor(dice() * 30_000), bytes)
  if (dice() < 0.1) use('second upload', Math.floor(dice() * 600_000), Buffer.from(bytes))
  if (dice() < 0.1) use('upload of others', Math.floor(dice() * 600_000), flipped(bytes))
  if (dice() < 0.05)
    use('longer upload', Math.floor(dice() * 60_000), Buffer.concat([bytes, Buffer.from('x')]))
}

function flipped(bytes: Buffer): Buffer {
  const other = Buffer.from(bytes)
  if (other.length > 0) other[0] = (other[0] ?? 0) ^ 1
  return other
}

function begun({ ground, did, place }: Scene, act: Act, what: string, effect: Deed['effect']): Deed {
  const sha = effect.kind === 'content' ? ` ${[...effect.shas].join().slice(0, 8)}` : ''
  const name = `[${String(act.id)}] ${what} ${act.document} of ${place.sub} on ${place.provider}${sha}`
  ground.tell(name)
  return did(act.document, {
    what: name,
    effect,
    begin: ground.now,
    end: Number.POSITIVE_INFINITY,
    outcome: 'maybe',
  })
}

function answered(scene: Scene, deed: Deed, outcome: Outcome<HttpAnswer>): void {
  const { ground } = scene
  const status = statusOf(outcome)
  const code = jsonOf(outcome)['code']
  ground.tell(`${deed.what}: ${outcome.kind} ${String(status)} ${status < 300 ? '' : String(code)}`)
  refuseInternal(scene, outcome)
  // Its process may go on for a moment.
  // A grant that died after the bytes were sent leaves nobody who could look what became of them.
  const isKnown = status >= 200 && status < 500 && code !== 'connection_requires_reauth'
  deed.end = isKnown ? ground.now : Math.max(ground.now, deed.begin + longestRequestMs)
  // Another writer has come after it, or before it: nobody can say which.
  const isOvertaken = String(jsonOf(outcome)['detail']).includes('has taken this document over')
  if (status >= 200 && status < 300) deed.outcome = 'done'
  else if (isKnown && !isOvertaken) deed.outcome = 'not'
}

/** Whatever happens outside, it is never called a mistake of ours. */
function refuseInternal({ ledger, ground }: Scene, outcome: Outcome<HttpAnswer>): void {
  if (outcome.kind === 'failed') ledger.find('I12', `a function failed: ${String(outcome.error)}`)
  if (statusOf(outcome) !== 500 || ground.mayAwsFail()) return
  ledger.find('I12', `500: ${JSON.stringify(jsonOf(outcome)).slice(0, 200)}`)
}

/** Bytes that nothing else in the world has, but for the empty ones. */
function content({ ledger, place, dice, seed, ground }: Scene, act: Act, most = Number.POSITIVE_INFINITY) {
  const { small, fragment } = ground.sizes
  const history = ledger.of(place.sub, act.document)
  const kind = dice()
  const share = dice()
  const size =
    kind < 0.08
      ? 0
      : kind < 0.7
        ? 1 + Math.floor(share * 400)
        : kind < 0.97
          ? small + 1 + Math.floor(share * 8 * small)
          : fragment + Math.floor((share * fragment) / 2)
  const seedOf = createHash('sha256')
    .update(`${String(seed)} ${String(act.id)}`)
    .digest('hex')
  const bytes = Buffer.alloc(Math.min(size, most), `${seedOf} `)
  const extension = extensions[Math.floor(dice() * extensions.length)] ?? ''
  return { history, bytes, extension: act.document.includes('.') ? '' : extension }
}
