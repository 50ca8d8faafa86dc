import { createHash } from 'node:crypto'
import { contentHash } from '../../lib/providers/dropbox/content-hash.ts'
import { createQuickXor } from '../../lib/providers/onedrive/quick-xor-hash.ts'
import { jsonOf, statusOf } from './client.ts'
import type { Item } from './expressions.ts'
import type { Evidence, Ground } from './ground.ts'
import type { HttpAnswer, Outcome } from './lambda.ts'
import type { Deed, History, Ledger } from './ledger.ts'
import { possiblyLast } from './ledger.ts'
import { rowOf } from './scene.ts'
import { sha256 } from './ledger.ts'

/** I3 to I6 and I11: every document is asked for once more; its content has to follow from what was done. */
export async function auditContent(ground: Ground, ledger: Ledger): Promise<void> {
  const evidence = await ground.evidence()
  for (const history of ledger.histories.values()) {
    const { sub, document, deeds } = history
    const row = await rowOf(ground, sub, document)
    const isGivenUp =
      typeof row?.['connectionId'] === 'string' && ledger.disconnected.has(row['connectionId'])
    sightsFollow(history, ledger)
    createsAreDecidedOnce(history, ledger)
    if (isGivenUp || (row === undefined && ledger.disconnected.size > 0)) continue
    const { stat, got } = await lookAt(ground, history)
    const seen = await rowOf(ground, sub, document)
    const name = `${sub}/${document}`
    const last = possiblyLast(deeds, ground.now)
    const content = statusOf(got) === 200 && got.kind === 'answer' ? got.answer.body : undefined
    const verdict = (seen?.['standing'] as { readonly verdict?: string } | undefined)?.verdict
    // The drive kept storing something else, which was told: no bytes that were sent are there.
    if (verdict === 'mismatch') continue
    if (content !== undefined) contentFollows(evidence, name, history, content, stat, ledger)
    else absenceFollows(name, last, row, got, ledger)
  }
}

async function lookAt(ground: Ground, { sub, document }: History) {
  const ask = ground.appOf(sub, `audit ${document}`)
  const path = { documentId: document }
  const asked = Promise.all([ask('stat-document', { path }), ask('get-document', { path })])
  const [stat, got] = await ground.wait(asked)
  return { stat, got }
}

const label = (deeds: readonly Deed[]): string => deeds.map(({ what }) => what).join(' | ') || 'nothing'

function contentFollows(
  { ofTheDead }: Evidence,
  name: string,
  history: History,
  content: Buffer,
  stat: Outcome<HttpAnswer>,
  ledger: Ledger,
): void {
  const sha = sha256(content)
  const { deeds } = possiblyLast(history.deeds, Number.POSITIVE_INFINITY)
  if (ledger.isUnseenDamage(sha, content.length, ofTheDead)) return
  if (!deeds.some(({ effect }) => effect.kind === 'content' && effect.shas.has(sha))) {
    const whose = history.deeds.filter(({ effect }) => effect.kind === 'content' && effect.shas.has(sha))
    ledger.find(
      'I5',
      `${name} holds what ${label(whose)} sent (${String(content.length)} bytes, ${JSON.stringify(jsonOf(stat))}); it should be of ${label(deeds)}`,
    )
  }
  const view = jsonOf(stat)['document'] as Record<string, unknown> | undefined
  if (view === undefined) {
    ledger.find('I4', `${name} can be read, and stat says ${String(statusOf(stat))}`)
    return
  }
  if (view['size'] !== content.length)
    ledger.find(
      'I4',
      `${name} has ${String(content.length)} bytes, and its view says ${String(view['size'])}`,
    )
  const checksum = view['checksum'] as { algorithm: string; value: string; verdict: string } | undefined
  if (checksum?.verdict === 'verified' && checksum.value !== digestOf(checksum.algorithm, content))
    ledger.find('I4', `${name} is called verified, with the checksum of other bytes`)
  if (view['status'] !== 'stored' && view['status'] !== 'failed')
    ledger.find('I7', `${name} is ${String(view['status'])}`)
}

function digestOf(algorithm: string, bytes: Buffer): string {
  if (algorithm === 'md5' || algorithm === 'sha256') return createHash(algorithm).update(bytes).digest('hex')
  const hash = algorithm === 'dropboxContentHash' ? contentHash() : createQuickXor()
  hash.update(bytes)
  return hash.digest()
}

function absenceFollows(
  name: string,
  { deeds, untouched }: ReturnType<typeof possiblyLast>,
  row: Item | undefined,
  got: Outcome<HttpAnswer>,
  ledger: Ledger,
): void {
  const status = statusOf(got)
  if (status !== 404 && status !== 409) {
    ledger.find('I3', `${name} cannot be read: ${String(status)} ${String(jsonOf(got)['detail'])}`)
    return
  }
  if (deeds.some(({ effect }) => effect.kind === 'absent')) return
  // Nothing is known to be done: all of it may have failed, and then says so.
  if (untouched && deeds.every(({ outcome }) => outcome !== 'done')) return
  const said = row === undefined ? 'no row' : JSON.stringify(row['last'] ?? row['standing'] ?? {})
  ledger.find('I3', `${name} is gone (${String(status)}, ${said}); it should be of ${label(deeds)}`)
}

/** What was read was of one version that could stand then. */
function sightsFollow({ sub, document, deeds, sights, contents }: History, ledger: Ledger): void {
  for (const { begin, end, sha, size } of sights) {
    // What the drive has stored wrongly is read until that is noticed, where nothing is told of it at once.
    if (!contents.has(sha) && [...contents.values()].some(({ length }) => length === size)) continue
    const possible = possiblyLast(deeds, end, begin)
    if (possible.deeds.some(({ effect }) => effect.kind === 'content' && effect.shas.has(sha))) continue
    const whose = deeds.filter(({ effect }) => effect.kind === 'content' && effect.shas.has(sha))
    ledger.find(
      'I3',
      `${sub}/${document} was read as ${label(whose)}; it should be of ${label(possible.deeds)}`,
    )
  }
}

/** Between two creations the document was gone, or could have been. */
function createsAreDecidedOnce({ sub, document, deeds }: History, ledger: Ledger): void {
  const created = deeds.filter((deed) => deed.created === true).sort((one, other) => one.end - other.end)
  for (const [at, second] of created.entries()) {
    const first = created[at - 1]
    if (!first) continue
    // Whose answer came first is not who was first.
    const from = Math.min(first.begin, second.begin)
    const isGone = deeds.some(
      ({ effect, outcome, begin, end }) =>
        effect.kind === 'absent' && outcome !== 'not' && begin < second.end && end > from,
    )
    if (!isGone) ledger.find('I6', `${sub}/${document} was created twice: ${label([first, second])}`)
  }
}
