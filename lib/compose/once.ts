/** Makes `create`'s value on first use and keeps it; a failure is not kept. */
export function once<Value>(create: () => Value): () => Value {
  let made: { readonly value: Value } | undefined
  return () => (made ??= { value: create() }).value
}

/** An object whose parts are made when they are first read; a failure is not kept. */
export function lazily<All extends object>(makers: { readonly [Name in keyof All]: () => All[Name] }): All {
  const parts = Object.entries<() => unknown>(makers).map(([name, make]) => [
    name,
    { get: once(make), enumerable: true },
  ])
  return Object.defineProperties({}, Object.fromEntries(parts)) as All
}

/** `all` and `more`, with what is lazy in `all` left so: a spread would make every part. */
export function lazilyWith<All extends object, More extends object>(all: All, more: More): All & More {
  return Object.assign(Object.create(all) as All, more)
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
