import { expect, test } from 'vitest'
import type { Permission } from './support/policies.ts'
import { permissionsOf } from './support/policies.ts'
import { synthesize } from './support/stack.ts'

const template = synthesize()
const permissions = permissionsOf(template)

/** A resource's name as a person would say it. */
function spoken(resource: string): string {
  const table = /^<Data(\w+?)Table[0-9A-F]{8}\.Arn>(?:\/index\/(\w+))?$/.exec(resource)
  if (table !== null) return `${table[1]?.toLowerCase()}${table[2] === undefined ? '' : ` by ${table[2]}`}`
  const bucket = /^<Data(\w+?)Bucket[0-9A-F]{8}\.Arn>(\/\*)?$/.exec(resource)
  if (bucket !== null) return `${bucket[1]?.toLowerCase()} ${bucket[2] === undefined ? 'bucket' : 'objects'}`
  if (resource.includes(':secret:driveway/test/connections/')) return 'connection secrets'
  if (resource.includes(':secret:driveway/test/oauth/')) return 'OAuth clients'
  if (resource.startsWith('<SecretsSealKey')) return 'sealing keys'
  if (resource.startsWith('<IntakeQueue')) return 'intake queue'
  if (resource.startsWith('<Events')) return 'events'
  return resource
}

/** `resource: Action Action`, without what every function has: its own log, traces, and the key through those services. */
function table(granted: readonly Permission[]): string[] {
  const byResource = new Map<string, string[]>()
  for (const { action, resource } of granted) {
    if (/^(?:logs|xray|kms):/.test(action)) continue
    const name = spoken(resource)
    byResource.set(name, [...(byResource.get(name) ?? []), action.replace(/^\w+:/, '')])
  }
  return [...byResource].map(([name, actions]) => `${name}: ${actions.sort().join(' ')}`).sort()
}

test('each function may do exactly what its operation needs', () => {
  expect(Object.fromEntries([...permissions].map(([name, granted]) => [name, table(granted)]))).toEqual({})
})
