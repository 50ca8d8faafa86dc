/** What ends with the function that it stands for: one invocation. */
export class Process {
  readonly name: string
  /** Its own dice, so that leaving one operation out changes little of what happens to the others. */
  readonly chance: () => number
  /** What it has sent to places that have no key of their own, by SHA-256. */
  readonly sent = new Map<string, Buffer>()
  readonly #ended = Promise.withResolvers<void>()
  #dead = false

  constructor(name: string, chance: () => number) {
    this.name = name
    this.chance = chance
  }

  get dead(): boolean {
    return this.#dead
  }

  /** Resolves when it has died. */
  get death(): Promise<void> {
    return this.#ended.promise
  }

  die(): void {
    this.#dead = true
    this.#ended.resolve()
  }
}

export const never = new Promise<never>(() => undefined)
