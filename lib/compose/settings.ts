import type { EnvironmentName } from '../contract/env.ts'
import { required as requiredOf } from '../contract/env.ts'
import type { Settings } from '../providers/about.ts'

/** The function's environment; an empty variable counts as absent. */
export const settings: Settings = new Proxy(process.env, {
  get: (env, name) => (typeof name === 'string' && env[name] !== '' ? env[name] : undefined),
})

/** A setting that may be absent. */
export function optional(name: EnvironmentName): string | undefined {
  return settings[name]
}

/** A setting that this function cannot do without; its absence is a mistake of the deployment. */
export function required(name: EnvironmentName): string {
  return requiredOf(settings, name)
}

/** A comma-separated setting. */
export function listed(name: EnvironmentName): readonly string[] {
  return (optional(name) ?? '')
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
}

/** Makes `create`'s value on first use and keeps it for the life of the process; a failure is not kept. */
export function once<Value>(create: () => Value): () => Value {
  let made: { readonly value: Value } | undefined
  return () => (made ??= { value: create() }).value
}

/** As `once`, for a promise: a rejection is forgotten, so that the next caller tries again. */
export function onceAsync<Value>(create: () => Promise<Value>): () => Promise<Value> {
  let making: Promise<Value> | undefined
  return () => {
    making ??= create().catch((error: unknown) => {
      making = undefined
      throw error
    })
    return making
  }
}

/** As `onceAsync`, with a value for each key. */
export function onceEach<Key, Value>(create: (key: Key) => Promise<Value>): (key: Key) => Promise<Value> {
  const made = new Map<Key, () => Promise<Value>>()
  return (key) => {
    const value = made.get(key) ?? onceAsync(() => create(key))
    made.set(key, value)
    return value()
  }
}
