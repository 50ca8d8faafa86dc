import type { Weather } from './weather.ts'
import type { Process } from './process.ts'
import type { World } from './world.ts'
import { never } from './process.ts'

/** A request or its answer was lost on the way: nobody knows which. */
export class LostError extends Error {
  override readonly name = 'TimeoutError'
}

/** Milliseconds. What was sent arrives within `onTheWay`, also after its sender died; or never. */
const onTheWay = 8_000
const slowAnswer = 70_000
const lostAfter = 5_000

/** Between processes and what lies outside of them. */
export class Network {
  readonly world: World
  weather: Weather
  /** Until when a cloud answers nothing but 503. */
  readonly outages = new Map<string, number>()

  /** What a drive has stored wrongly with nobody hearing of it, as it was sent, by SHA-256. */
  readonly unheard = new Map<string, Buffer>()
  /** When names were written on a drive that takes no condition with them, by file: not to be blamed then. */
  readonly renamed = new Map<string, number>()

  constructor(world: World, weather: Weather) {
    this.world = world
    this.weather = weather
  }

  /** Whether something happens to this process now; a chance of 0 takes no number. */
  happens(process: Process, kind: keyof Weather): boolean {
    const chance = this.weather[kind]
    return chance > 0 && process.chance() < chance
  }

  /**
   * One call: the request travels, its effect happens at one instant, the answer travels back. Each way may
   * be lost or slow, and the process may die before, between and after. `effect` may take turns, but waits
   * for nothing that the world has to bring about.
   */
  call<T>(process: Process, label: string, effect: () => Promise<T> | T): Promise<T> {
    const { world } = this
    if (process.dead) return never
    world.whisper(`${process.name} ${label}`)
    if (this.happens(process, 'kill')) return this.#dies(process, `before ${label}`)
    const diesAfter = this.happens(process, 'kill')
    const lostRequest = this.happens(process, 'lostRequest')
    const lostAnswer = this.happens(process, 'lostAnswer')
    return new Promise<T>((resolve, reject) => {
      const back = (settle: () => void, ms: number): void =>
        void world.after(ms, () => {
          if (!process.dead) settle()
        })
      const arrive = async (): Promise<void> => {
        if (lostRequest) {
          world.tell(`${process.name} ${label}: request lost`)
          back(() => reject(new LostError('request lost')), lostAfter)
          return
        }
        let settle: () => void
        try {
          const answer = await effect()
          settle = () => resolve(answer)
        } catch (error) {
          settle = () => reject(error instanceof Error ? error : new Error('unknown', { cause: error }))
        }
        if (diesAfter) {
          void this.#dies(process, `after ${label}`)
          return
        }
        if (lostAnswer) world.tell(`${process.name} ${label}: answer lost`)
        if (lostAnswer) back(() => reject(new LostError('answer lost')), lostAfter)
        else back(settle, this.#travel(process, slowAnswer))
      }
      world.after(this.#travel(process, onTheWay), () => void arrive())
    })
  }

  #travel(process: Process, longest: number): number {
    if (this.happens(process, 'slow')) return 1_000 + Math.floor(process.chance() * (longest - 1_000))
    return 1 + Math.floor(process.chance() * 40)
  }

  #dies(process: Process, when: string): Promise<never> {
    process.die()
    this.world.tell(`${process.name} dies ${when}`)
    return never
  }
}
