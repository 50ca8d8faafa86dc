/**
 * The life of a process that ends at its `calls`-th call of AWS, before the call is made or after it was
 * done. What it waits for then never comes: as of a process that is gone, nothing runs on.
 */
export function mortality(calls: number, after: boolean) {
  const { promise: death, resolve: die } = Promise.withResolvers<'dead'>()
  const { promise: never } = Promise.withResolvers<never>()
  const underWay = new Set<Promise<unknown>>()
  let left = calls
  return {
    async onCall<Answer>(perform: () => Promise<Answer>): Promise<Answer> {
      if (left < 0) return never
      left -= 1
      const last = left < 0
      if (!last || after) {
        const work = perform()
        underWay.add(work)
        await work.catch(() => undefined).finally(() => underWay.delete(work))
        if (left >= 0) return work
      }
      // What has left the process arrives, and does so before anybody goes on days later.
      if (last) die(Promise.allSettled(underWay).then(() => 'dead' as const))
      return never
    },
    /** False when it died over `work`. */
    async unlessDead(work: Promise<unknown>): Promise<boolean> {
      return (await Promise.race([work, death])) !== 'dead'
    },
  }
}
