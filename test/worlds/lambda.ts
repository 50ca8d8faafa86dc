import type { APIGatewayProxyEvent, Context } from 'aws-lambda'
import { PassThrough } from 'node:stream'
import type { Composition } from '../../lib/compose/composition.ts'
import type { FunctionName, RouteFunctionName } from '../../lib/contract/routes.ts'
import { withOutput } from '../../lib/telemetry/output.ts'
import { functionPlans } from '../../infra/functions.ts'
import { handlers } from '../../local/handlers.ts'
import type { World } from './world.ts'
import { Process } from './process.ts'

/** What an invocation has come to. `lost`: it died, or ran out of time. */
export type Outcome<Answer> =
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'lost' }

export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  /** The stream broke before its end. */
  readonly isBroken: boolean
}

type Handler = (event: unknown, context: Context) => Promise<unknown>
type StreamHandler = (event: unknown, stream: PassThrough, context: Context) => Promise<void>
interface Head {
  readonly statusCode: number
  readonly headers?: Readonly<Record<string, string>>
}

const streamed = Symbol('streamed')
const onHead = Symbol('onHead')
/** As Lambda's runtime gives it to handlers that stream. */
Object.assign(globalThis, {
  awslambda: {
    streamifyResponse: (handler: StreamHandler) => Object.assign(handler, { [streamed]: true }),
    HttpResponseStream: {
      from(stream: PassThrough & { [onHead]?: (head: Head) => void }, head: Head) {
        stream[onHead]?.(head)
        return stream
      },
    },
  },
})

/** A warm copy of a function; one invocation at a time is in it. */
interface Container {
  readonly name: FunctionName
  process: Process
  readonly composition: Composition
  readonly handler: unknown
}

const loaded = new Map<FunctionName, (composition: Composition) => unknown>()
/** Loads every function once, so that no invocation waits for a file. */
export async function loadFunctions(): Promise<void> {
  for (const [name, load] of Object.entries(handlers)) {
    const { handlerIn } = await load()
    loaded.set(name as FunctionName, handlerIn as unknown as (composition: Composition) => unknown)
  }
}

/** Lambda: runs the real handlers, keeps copies of them warm, and ends those whose time is up. */
export class Lambda {
  readonly #world: World
  readonly #compose: (process: () => Process) => Composition
  readonly #warm: Container[] = []
  /** Lines that handlers have printed. */
  readonly printed: string[] = []
  running = 0
  /** What workers had sent that died, so that nobody knows what became of it. */
  readonly unclaimed = new Set<string>()
  /** All that processes had sent when they died, by SHA-256. */
  readonly ofTheDead = new Map<string, Buffer>()
  #count = 0

  constructor(world: World, compose: (process: () => Process) => Composition) {
    this.#world = world
    this.#compose = compose
  }

  /** `dice` names what it handles: equal names throw equal dice. */
  async invoke(name: FunctionName, event: unknown, dice: string): Promise<Outcome<unknown>> {
    return await this.#run(
      name,
      dice,
      async ({ handler }, context) => await (handler as Handler)(event, context),
    )
  }

  async http(
    name: RouteFunctionName,
    event: APIGatewayProxyEvent,
    dice: string,
  ): Promise<Outcome<HttpAnswer>> {
    return await this.#run(name, dice, async ({ handler }, context) => {
      if (typeof handler === 'function' && streamed in handler)
        return await stream(handler as unknown as StreamHandler, event, context)
      const answer = (await (handler as Handler)(event, context)) as {
        statusCode: number
        headers?: Record<string, string>
        body: string
      }
      return {
        status: answer.statusCode,
        headers: answer.headers ?? {},
        body: Buffer.from(answer.body),
        isBroken: false,
      }
    })
  }

  async #run<Answer>(
    name: FunctionName,
    dice: string,
    work: (container: Container, context: Context) => Promise<Answer>,
  ): Promise<Outcome<Answer>> {
    this.#count += 1
    const process = new Process(`${name}#${String(this.#count)}`, this.#world.dice(dice))
    const container = this.#containerFor(name, process)
    const timeoutMs = functionPlans[name].timeoutSeconds * 1000
    const end = this.#world.now + timeoutMs
    const callOff = this.#world.after(timeoutMs, () => process.die())
    this.running += 1
    const context = { functionName: name, getRemainingTimeInMillis: () => Math.max(0, end - this.#world.now) }
    const output = {
      clock: { now: () => this.#world.now },
      settings: { LOG_LEVEL: this.#world.tracing ? 'INFO' : 'WARN' },
      write: (line: string) => this.#print(process, line),
    }
    const answer = withOutput(output, () => work(container, context as Context)).then(
      (value): Outcome<Answer> => ({ kind: 'answer', answer: value }),
      (error: unknown): Outcome<Answer> => ({ kind: 'failed', error }),
    )
    const outcome = await Promise.race([
      answer,
      process.death.then((): Outcome<Answer> => ({ kind: 'lost' })),
    ])
    this.running -= 1
    callOff()
    if (outcome.kind === 'lost')
      for (const [sha, bytes] of process.sent) {
        this.ofTheDead.set(sha, bytes)
        if (name === 'ingest-object') this.unclaimed.add(sha)
      }
    // What has answered is frozen: it goes on with the next invocation, or never.
    if (!process.dead && process.chance() < 0.2) process.die()
    if (!process.dead) this.#warm.push(container)
    return outcome
  }

  #print(process: Process, line: string): void {
    if (this.#world.tracing && !line.includes('"_aws"'))
      this.#world.tell(`    ${process.name} prints ${line.trim()}`)
    this.printed.push(line)
  }

  #containerFor(name: FunctionName, process: Process): Container {
    // One that died after it had answered, with calls on their way, is not used again.
    const at = this.#warm.findLastIndex((container) => container.name === name && !container.process.dead)
    const [warm] = at === -1 ? [] : this.#warm.splice(at, 1)
    if (warm) {
      warm.process = process
      return warm
    }
    const handlerIn = loaded.get(name)
    if (handlerIn === undefined) throw new Error(`${name} is not loaded.`)
    const composition = this.#compose(() => made.process)
    const made: Container = { name, process, composition, handler: handlerIn(composition) }
    return made
  }
}

async function stream(handler: StreamHandler, event: unknown, context: Context): Promise<HttpAnswer> {
  const chunks: Buffer[] = []
  let head: Head | undefined
  const body = Object.assign(new PassThrough(), {
    [onHead]: (given: Head) => {
      head = given
    },
  })
  let isBroken = false
  body.on('data', (chunk: Buffer) => void chunks.push(chunk))
  body.on('error', () => {
    isBroken = true
  })
  try {
    await handler(event, body, context)
  } catch (error) {
    if (head === undefined) throw error
    isBroken = true
  }
  return {
    status: head?.statusCode ?? 0,
    headers: head?.headers ?? {},
    body: Buffer.concat(chunks),
    isBroken,
  }
}
