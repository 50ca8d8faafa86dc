import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { PassThrough } from 'node:stream'
import type { Secret } from '../../lib/secret.ts'
import { secret } from '../../lib/secret.ts'

/** Asks a person on the terminal, or whatever is piped in, line by line. */
export interface Questions {
  ask(question: string): Promise<string>
  /** As `ask`, but what is typed shows nowhere. */
  askSecret(question: string): Promise<Secret>
  close(): void
}

export function questions(input: NodeJS.ReadStream, output: NodeJS.WriteStream): Questions {
  let hidden = false
  // Readline echoes what is typed through its output, so that is where it is kept back.
  const echo = new PassThrough()
  echo.on('data', (chunk: Buffer) => {
    if (!hidden) output.write(chunk)
  })
  const lines = createInterface({ input, output: echo, terminal: input.isTTY })
  const waiting: string[] = []
  lines.on('line', (line) => waiting.push(line))
  let ended = false
  const end = once(lines, 'close').then(() => (ended = true))
  const next = async (): Promise<string> => {
    if (waiting.length === 0 && !ended) await Promise.race([once(lines, 'line'), end])
    const line = waiting.shift()
    if (line === undefined) throw new Error('There is nobody to answer: run it in a terminal, or see --help.')
    return line.trim()
  }
  return {
    async ask(question) {
      output.write(question)
      return next()
    },
    async askSecret(question) {
      output.write(question)
      hidden = true
      try {
        return secret(await next())
      } finally {
        hidden = false
        output.write('\n')
      }
    },
    close: () => lines.close(),
  }
}
