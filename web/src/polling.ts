export interface Polling {
  /** Asks now; the waits begin again with the shortest. */
  readonly soon: () => void
}

/**
 * Runs `ask` again and again while the page is seen. `pause` says how long to wait, in milliseconds,
 * after `quiet` asks without a change; `ask` resolves with true when something changed.
 */
export function poll(ask: () => Promise<boolean>, pause: (quiet: number) => number): Polling {
  let timer: ReturnType<typeof setTimeout> | undefined
  let asking = false
  let again = false
  let quiet = 0

  const run = async (): Promise<void> => {
    clearTimeout(timer)
    if (asking) {
      again = true
      return
    }
    if (document.hidden) return
    asking = true
    // What fails shows on the screen; the next time may succeed.
    const changed = await ask().catch(() => false)
    asking = false
    quiet = changed ? 0 : quiet + 1
    if (again) {
      again = false
      await run()
      return
    }
    timer = setTimeout(() => void run(), pause(quiet))
  }
  const soon = (): void => {
    quiet = 0
    void run()
  }
  document.addEventListener('visibilitychange', soon)
  globalThis.addEventListener('online', soon)
  void run()
  return { soon }
}
