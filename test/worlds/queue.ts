import type { Command } from './tables.ts'
import type { World } from './world.ts'

export interface Message {
  readonly id: string
  readonly body: string
  visibleAt: number
  receives: number
  receipt: string
}

/** As the template has it. */
const mostReceives = 10

/** An SQS queue: at least once, hidden while it is worked on, dead after so many deliveries. */
export class Queue {
  readonly messages = new Map<string, Message>()
  readonly dead: Message[] = []
  readonly #world: World
  /** Called when a message is to be had. */
  readonly #wake: () => void
  readonly #visibilityMs: number
  readonly #name: string
  #count = 0

  /** What is received stays hidden for so many seconds. */
  constructor(world: World, name: string, visibilitySeconds: number, wake: () => void) {
    this.#world = world
    this.#name = name
    this.#visibilityMs = visibilitySeconds * 1000
    this.#wake = wake
  }

  send(body: string, delayMs: number): void {
    this.#count += 1
    const id = `${this.#name}-${String(this.#count)}`
    this.messages.set(id, { id, body, visibleAt: this.#world.now + delayMs, receives: 0, receipt: '' })
    this.#world.after(delayMs, this.#wake)
  }

  run({ constructor, input }: Command): unknown {
    switch (constructor.name) {
      case 'SendMessageCommand':
        this.send(String(input['MessageBody']), Number(input['DelaySeconds'] ?? 0) * 1000)
        return {}
      case 'SendMessageBatchCommand': {
        const entries = input['Entries'] as readonly {
          readonly MessageBody: string
          readonly DelaySeconds?: number
        }[]
        for (const { MessageBody, DelaySeconds = 0 } of entries) this.send(MessageBody, DelaySeconds * 1000)
        return {}
      }
      case 'ChangeMessageVisibilityCommand':
        this.#hide(String(input['ReceiptHandle']), Number(input['VisibilityTimeout']) * 1000)
        return {}
      default:
        throw new Error(`${constructor.name} is not played here.`)
    }
  }

  /** The next message that is to be seen, hidden from now on. */
  receive(): Message | undefined {
    for (const message of this.messages.values()) {
      if (message.visibleAt > this.#world.now) continue
      if (message.receives >= mostReceives) {
        this.messages.delete(message.id)
        this.dead.push(message)
        continue
      }
      message.receives += 1
      message.receipt = `${message.id}:${String(message.receives)}`
      this.#until(message, this.#visibilityMs)
      return { ...message }
    }
    return undefined
  }

  /** Only the latest receipt of a message counts. */
  remove(receipt: string): void {
    const message = this.#held(receipt)
    if (message) this.messages.delete(message.id)
  }

  #hide(receipt: string, ms: number): void {
    const message = this.#held(receipt)
    if (message) this.#until(message, ms)
  }

  #until(message: Message, ms: number): void {
    message.visibleAt = this.#world.now + ms
    this.#world.after(ms, this.#wake)
  }

  #held(receipt: string): Message | undefined {
    const message = this.messages.get(receipt.split(':')[0] ?? '')
    return message?.receipt === receipt ? message : undefined
  }
}
