/**
 * Lets `width` run at a time, the others in the order they came. One
 * that is aborted while it waits rejects with the signal's reason.
 */
export function gate(width: number): <T>(work: () => Promise<T>, signal: AbortSignal) => Promise<T> {
  let running = 0
  const waiting: (() => void)[] = []

  const enter = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const go = (): void => {
        running += 1
        signal.removeEventListener('abort', leave)
        resolve()
      }
      const leave = (): void => {
        waiting.splice(waiting.indexOf(go), 1)
        reject(signal.reason as Error)
      }
      if (running < width) {
        go()
        return
      }
      waiting.push(go)
      signal.addEventListener('abort', leave, { once: true })
    })

  return async (work, signal) => {
    await enter(signal)
    try {
      return await work()
    } finally {
      running -= 1
      waiting.shift()?.()
    }
  }
}
