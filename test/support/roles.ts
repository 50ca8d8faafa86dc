import type { DrivewayFunction } from '../../infra/constructs/function.ts'
import {
  bucketActions,
  busActions,
  queueActions,
  secretActions,
  streamActions,
  tableActions,
  wholeBucketActions,
} from '../../infra/constructs/actions.ts'
import type { Resources } from '../../infra/uses.ts'
import { permissions } from '../../infra/permissions.ts'
import { tables } from '../../lib/contract/tables.ts'
import {
  intakeBucket,
  intakeQueues,
  localTableName,
  secretPrefix,
  storageBucket,
  webhooksQueue,
} from '../../local/environment.ts'

const isTable = (name: string): boolean => tables.some((table) => table.name === name)

/** The actions behind one kind of access to a resource of `infra/permissions.ts`. */
function actionsOf(resource: string, access: string): readonly string[] {
  const of = (actions: Readonly<Record<string, readonly string[]>>): readonly string[] =>
    actions[access] ?? []
  if (isTable(resource)) {
    if (access.startsWith('index:')) return ['dynamodb:Query']
    return access.startsWith('scan:') ? ['dynamodb:Scan'] : of(tableActions)
  }
  if (resource.endsWith('Bucket')) return of({ ...bucketActions, ...wholeBucketActions })
  if (['connectionSecrets', 'cellSecrets', 'oauthClients', 'sealKey'].includes(resource))
    return of(secretActions)
  if (['arrivals', 'shortLane', 'longLane', 'untoldEvents', 'webhookQueue'].includes(resource))
    return of(queueActions)
  if (resource === 'changeStreams') return of(streamActions)
  return resource === 'events' ? of(busActions) : []
}

const buckets: Readonly<Record<string, string>> = {
  intakeBucket,
  storageBucket,
}

/** What the resource is called in the local stack, as a call of AWS names it. */
function localNames(resource: string, access: string): string {
  if (isTable(resource))
    return `${localTableName(resource)}${access.includes(':') ? access.replace(/^\w+:/, '/index/') : ''}`
  const bucket = buckets[resource]
  if (bucket !== undefined) return access in wholeBucketActions ? bucket : `${bucket}/*`
  const names: Readonly<Record<string, string>> = {
    arrivals: intakeQueues.ARRIVALS_QUEUE_URL,
    shortLane: intakeQueues.SHORT_QUEUE_URL,
    longLane: intakeQueues.LONG_QUEUE_URL,
    webhookQueue: webhooksQueue,
    events: 'driveway',
    connectionSecrets: `${secretPrefix}/connections/`,
    cellSecrets: `${secretPrefix}/cells/`,
    oauthClients: `${secretPrefix}/oauth/`,
    sealKey: `${secretPrefix}/seal-key`,
  }
  return names[resource] ?? resource
}

/**
 * What each function may do, as `action resource`, with the local stack's
 * names. Secrets end with a slash: all that begin so.
 */
export function localRoles(): ReadonlyMap<string, ReadonlySet<string>> {
  const on = new Proxy({}, { get: (_target, name) => name }) as Resources
  return new Map(
    Object.entries(permissions).map(([functionName, use]) => {
      const allowed = new Set<string>()
      const fn = {
        uses(resource: string, ...access: string[]) {
          for (const one of access)
            for (const action of actionsOf(resource, one))
              allowed.add(`${action} ${localNames(resource, one)}`)
          return fn
        },
      }
      use(fn as unknown as DrivewayFunction, on)
      return [functionName, allowed]
    }),
  )
}

/** Of calls as `function action resource`, those that the function's role does not allow. */
export function refusedCalls(calls: readonly string[]): string[] {
  const roles = localRoles()
  return calls.filter((call) => {
    const [functionName = '', action = '', resource = ''] = call.split(' ')
    // A secret's name begins with what kind it is: `{prefix}/connections/…`.
    const named = action.startsWith('secretsmanager:')
      ? resource.replace(/^((?:[^/]+\/){3}).*$/, '$1')
      : resource
    const role = roles.get(functionName)
    return role?.has(`${action} ${resource}`) !== true && role?.has(`${action} ${named}`) !== true
  })
}
