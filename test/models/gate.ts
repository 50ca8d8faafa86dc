/** One process of a replay: each of its calls waits until it is let through, and none is once it has died. */
export class Worker {
  readonly #waiting: { readonly label: string; readonly go: () => void }[] = []
  #ended = false
  #changed = Promise.withResolvers<void>()

  /** Stands around a call; `label` tells which. */
  async call<Answer>(label: string, perform: () => Promise<Answer>): Promise<Answer> {
    await new Promise<void>((go) => {
      this.#waiting.push({ label, go })
      this.#changed.resolve()
    })
    return perform()
  }

  /** Begins `work`, whose calls wait. How it ends is not asked: what it has written is. */
  begin(work: () => Promise<unknown>): void {
    const end = (): void => {
      this.#ended = true
      this.#changed.resolve()
    }
    void work().then(end, end)
  }

  /** Lets calls through until one waits that `stop` names; at least one when `atLeast` says so. */
  async until(stop: (label: string) => boolean, atLeast = 1): Promise<void> {
    for (let passed = 0; ;) {
      while (this.#waiting.length === 0 && !this.#ended) {
        await this.#changed.promise
        this.#changed = Promise.withResolvers()
      }
      const [first] = this.#waiting
      if (first === undefined || (passed >= atLeast && stop(first.label))) return
      this.#waiting.shift()
      passed += 1
      first.go()
      // What follows from its answer has to have had its turn.
      await new Promise(setImmediate)
    }
  }
}
