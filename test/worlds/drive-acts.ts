import type { Scene } from './scene.ts'
import { rowOf } from './scene.ts'
import type { Effect } from './ledger.ts'
import { absent, contentEffect } from './ledger.ts'
import type { Act } from './plan.ts'
import { sha256 } from './ledger.ts'

type DriveAct = (scene: Scene, act: Act) => Promise<void>

/** What a person does in the own drive, to a document's file or beside it. */
export const driveActs = {
  async edit(scene, act) {
    const file = await fileOf(scene, act)
    const begin = scene.ground.now
    const bytes = Buffer.from(`edited by hand ${String(act.id)} ${String(scene.seed)}`)
    if (!file?.live || !(await file.person.edit(file.id, bytes))) return
    touch(scene, file, {})
    record(scene, act, `edits ${file.id}`, contentEffect(file.history, bytes), begin)
  },
  async rename(scene, act) {
    const file = await fileOf(scene, act)
    const name = `my own name ${String(act.id)}.txt`
    if (!file?.live || !(await file.person.rename(file.id, name))) return
    touch(scene, file, { name })
    scene.ground.tell(`${scene.place.sub} renames ${file.id} to ${name}`)
  },
  async move(scene, act) {
    const file = await fileOf(scene, act)
    if (!file?.live || !(await file.person.move(file.id))) return
    touch(scene, file, {})
    scene.ground.tell(`${scene.place.sub} moves ${file.id}`)
  },
  async trash(scene, act) {
    const file = await fileOf(scene, act)
    const begin = scene.ground.now
    if (!file || !(await file.person.trash(file.id))) return
    touch(scene, file, {})
    record(scene, act, `trashes ${file.id}`, absent, begin)
  },
  async remove(scene, act) {
    const file = await fileOf(scene, act)
    const begin = scene.ground.now
    if (!file || !(await file.person.remove(file.id))) return
    touch(scene, file, {})
    record(scene, act, `removes ${file.id}`, absent, begin)
  },
  async restore(scene, act) {
    const file = await fileOf(scene, act)
    const begin = scene.ground.now
    if (!file || file.live || !(await file.person.restore(file.id))) return
    touch(scene, file, {})
    record(scene, act, `restores ${file.id}`, { kind: 'content', shas: new Set([file.sha]) }, begin)
  },
  async 'own-file'(scene, act) {
    const bytes = act.id % 3 === 0 ? Buffer.alloc(0) : Buffer.from(`a file of my own ${String(act.id)}`)
    const file = `${act.document}.pdf`
    const begin = scene.ground.now
    const id = await scene.person.put(file, bytes)
    if (id === undefined) return
    const where = scene.place.connectionId
    const rows = await scene.ground.rows('documents')
    const named = rows.find((row) => row['objectKey'] === id)
    if (named) {
      // Where a name is the key, that is an edit of the document.
      touch(scene, { id }, {})
      const document = String(named['documentId'])
      const history = scene.ledger.of(scene.place.sub, document)
      record(scene, { ...act, document }, `writes over ${id}`, contentEffect(history, bytes), begin)
      return
    }
    scene.ledger.foreign.set(`${where} ${id}`, { where, id, sha: sha256(bytes), name: file, gone: false })
    scene.ground.tell(`${scene.place.sub} puts ${file} of their own there (${id})`)
  },
} as const satisfies Readonly<Record<string, DriveAct>>

async function fileOf(scene: Scene, act: Act) {
  const { place, person, ledger } = scene
  const row = await rowOf(scene.ground, place.sub, act.document)
  if (row?.['connectionId'] !== place.connectionId || row['objectKey'] === undefined) return undefined
  const found = (await person.files()).find(({ id }) => id === row['objectKey'])
  return found && { ...found, person, history: ledger.of(place.sub, act.document) }
}

function touch(
  { ledger, place, ground }: Scene,
  { id }: { readonly id: string },
  how: { readonly name?: string },
): void {
  const key = `${place.connectionId} ${id}`
  ledger.touched.set(key, { ...ledger.touched.get(key), ...how, at: ground.now })
}

function record(scene: Scene, act: Act, what: string, effect: Effect, begin: number): void {
  const { now } = scene.ground
  scene.ground.tell(`${scene.place.sub} ${what}`)
  scene.did(act.document, {
    what: `user ${what}`,
    effect,
    begin,
    end: now,
    outcome: 'done',
    byUser: true,
  })
}
