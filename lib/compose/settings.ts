import type { EnvironmentName } from '../contract/env.ts'
import { ServiceError } from '../errors.ts'

/** A setting that may be absent; an empty one counts as absent. */
export function optional(name: EnvironmentName): string | undefined {
  const value = process.env[name]
  return value === '' ? undefined : value
}

/** A setting that this function cannot do without; its absence is a mistake of the deployment. */
export function required(name: EnvironmentName): string {
  const value = optional(name)
  if (value === undefined)
    throw new ServiceError('internal_error', `The setting ${name} is missing in this function’s environment.`)
  return value
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
