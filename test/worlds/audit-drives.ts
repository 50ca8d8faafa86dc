import { userId, userKeyOf } from '../../lib/ids.ts'
import type { Place } from './places.ts'
import type { Evidence, Ground } from './ground.ts'
import type { Ledger } from './ledger.ts'
import type { File } from './person.ts'
import { personOf } from './person.ts'
import { sha256 } from './ledger.ts'

/** A name is read and written by two calls. */
const raceMs = 1_000
const nothing = sha256(Buffer.alloc(0))

/** I1 and I2: what lies in each drive is what documents name and what others have put there, and no more. */
export async function auditDrives(ground: Ground, ledger: Ledger, places: readonly Place[]): Promise<void> {
  const rows = await ground.rows('documents')
  const evidence = await ground.evidence()
  const lost = new Map([...evidence.ofTheDead, ...evidence.unheard])
  for (const place of places) {
    const files = await personOf(ground, place).files()
    foreignIsUntouched(place, files, ledger)
    const userKey = userKeyOf(userId(place.sub))
    const named = rows
      .filter((row) => row['userKey'] === userKey && row['connectionId'] === place.connectionId)
      .flatMap((row) => (typeof row['objectKey'] === 'string' ? [row['objectKey']] : []))
    if (new Set(named).size !== named.length)
      ledger.find('I2', `${place.provider}: two documents name one object`)
    for (const file of files) {
      const key = `${place.connectionId} ${file.id}`
      const touched = ledger.touched.get(key)
      const isRace = Math.abs((evidence.renamedAt(file.id) ?? 0) - (touched?.at ?? 0)) < raceMs
      if (touched?.name !== undefined && file.live && file.name !== touched.name && !isRace)
        ledger.find('I10', `${place.provider}: what its user named ${touched.name} is called ${file.name}`)
      const isOthers = ledger.foreign.has(key) || touched !== undefined
      if (!file.live || isOthers || named.includes(file.id)) continue
      if (ledger.disconnected.has(place.connectionId) || isNobodys(evidence, place, file)) continue
      if (ledger.isUnseenDamage(file.sha, file.size, lost)) continue
      ledger.find(
        'I2',
        `${place.provider}: ${file.name} (${file.id.slice(0, 40)}, ${String(file.size)} bytes, ${file.sha.slice(0, 8)}) is of no document`,
      )
    }
  }
}

/**
 * Where a name is the place, a worker that dies between the drive's answer and its row leaves a file whose
 * content only its source knows: when that is replaced in between, nobody can tell the file from a
 * stranger's. Nor can anybody tell an empty one.
 */
function isNobodys(evidence: Evidence, { provider }: Place, { sha }: File): boolean {
  return provider !== 'google-drive' && (sha === nothing || evidence.isUnclaimed(sha))
}

function foreignIsUntouched(place: Place, files: readonly File[], ledger: Ledger): void {
  for (const foreign of ledger.foreign.values()) {
    if (foreign.where !== place.connectionId || foreign.gone) continue
    const file = files.find(({ id }) => id === foreign.id)
    if (!file?.live)
      ledger.find('I1', `${place.provider}: a file of its user's own (${foreign.name}) is gone`)
    else if (file.sha !== foreign.sha)
      ledger.find('I1', `${place.provider}: ${foreign.name} of its user's was written over`)
    else if (file.name !== foreign.name)
      ledger.find('I1', `${place.provider}: ${foreign.name} of its user's was renamed`)
  }
}
