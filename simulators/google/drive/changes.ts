import type { Exchange } from '../../kernel/exchange.ts'
import type { DriveFile, FileChange, GoogleState } from '../state.ts'
import type { Caller } from './access.ts'
import { authenticate, isVisible } from './access.ts'
import { driveError, insufficientScopes, invalidParameter } from './errors.ts'
import { applyMask, CHANGES_DEFAULT, CHANGES_SCHEMA, parseFields, START_SCHEMA } from './fields.ts'
import { pageSize } from './pages.ts'
import { toResource } from './resource.ts'

/**
 * Writes down that something happened to this very file. Of a folder in the trash the drive tells the folder
 * alone, not what is in it.
 */
export function noteChange(state: GoogleState, file: DriveFile, what?: 'removed'): void {
  const number = (state.counters.get('change') ?? 0) + 1
  state.counters.put('change', number)
  const { id, account, space, projects } = file
  const gone = what === 'removed' ? { removedFrom: projects } : {}
  state.changes.put(id, { file: id, account, space, number, time: state.clock.now(), ...gone })
}

/** `GET /drive/v3/changes/startPageToken`: where what comes from now on begins. */
export async function getStartPageToken(state: GoogleState, x: Exchange): Promise<void> {
  authenticate(state, x)
  const mask = parseFields(x.url.searchParams.get('fields') || '*', START_SCHEMA)
  const startPageToken = String((state.counters.get('change') ?? 0) + 1)
  await x.json(200, applyMask({ kind: 'drive#startPageToken', startPageToken }, mask))
}

/**
 * `GET /drive/v3/changes`: what has happened since, each file once, as it is now, the oldest change first.
 * https://developers.google.com/workspace/drive/api/reference/rest/v3/changes/list
 */
export async function listChanges(state: GoogleState, x: Exchange): Promise<void> {
  const caller = authenticate(state, x)
  const { searchParams: query } = x.url
  const mask = parseFields(query.get('fields') || CHANGES_DEFAULT, CHANGES_SCHEMA)
  const spaces = (query.get('spaces') || 'drive').split(',')
  if (spaces.includes('appDataFolder') && !caller.appData) throw insufficientScopes()
  const size = pageSize(query.get('pageSize'), 100)
  const since = tokenOf(state, query.get('pageToken'))
  const removed = query.get('includeRemoved') !== 'false'
  const memo = new Map<string, boolean>()
  const all = state.changes
    .where('account', caller.account.email)
    .filter(({ number, space }) => number >= since && spaces.includes(space))
    .flatMap((change) => shown(state, caller, change, removed, memo))
    .toSorted((a, b) => a.number - b.number)
  const page = all.slice(0, size)
  const last = page.at(-1)
  const more = last !== undefined && all.length > size
  const list = {
    kind: 'drive#changeList',
    ...(more
      ? { nextPageToken: String(last.number + 1) }
      : { newStartPageToken: String((state.counters.get('change') ?? 0) + 1) }),
    changes: page.map(({ resource }) => resource),
  }
  await x.json(200, applyMask(list, mask))
}

/** A token that the drive does not know, or no longer, is a parameter that cannot be. */
function tokenOf(state: GoogleState, token: string | null): number {
  if (token === null || token === '') {
    const message = 'Required parameter: pageToken'
    throw driveError(400, 'required', { message, location: 'pageToken', locationType: 'parameter' })
  }
  const number = /^\d{1,15}$/.test(token) ? Number(token) : 0
  const oldest = state.counters.get('oldest') ?? 1
  if (number < oldest || number > (state.counters.get('change') ?? 0) + 1) throw invalidParameter('pageToken')
  return number
}

function shown(
  state: GoogleState,
  caller: Caller,
  { file: fileId, number, time, removedFrom }: FileChange,
  withRemoved: boolean,
  memo: Map<string, boolean>,
): { number: number; resource: object }[] {
  const head = { kind: 'drive#change', type: 'file', changeType: 'file', fileId }
  const at = { time: new Date(time).toISOString() }
  if (removedFrom !== undefined) {
    const isTold = withRemoved && (caller.everything || removedFrom.includes(caller.project))
    return isTold ? [{ number, resource: { ...head, ...at, removed: true } }] : []
  }
  const file = state.files.get(fileId)
  if (file === undefined || !isVisible(caller, file)) return []
  const resource = { ...head, ...at, removed: false, file: toResource(state, caller, file, memo) }
  return [{ number, resource }]
}
