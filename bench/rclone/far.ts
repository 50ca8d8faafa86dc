/**
 * A round trip more: hands on what comes to one address to another, each byte half a round trip later, and
 * the first of a connection one and a half later, as its handshake would take. `node far.ts FROM TO MS`.
 */
import type { Socket } from 'node:net'
import { connect, createServer } from 'node:net'

const [from = '', to = '', roundTrip = '0'] = process.argv.slice(2)
const halfMs = Number(roundTrip) / 2
/** So much is under way in each direction: what a sender and a receiver would have in their buffers. */
const windowBytes = 8 * 1024 * 1024

function carry(source: Socket, target: Socket, firstMs: number): void {
  const waiting: { readonly at: number; readonly bytes: Buffer | undefined }[] = []
  let underWay = 0
  let delayMs = halfMs + firstMs
  let timer: NodeJS.Timeout | undefined
  const pass = (): void => {
    timer = undefined
    for (let next = waiting[0]; next && next.at <= performance.now() + 0.5; next = waiting[0]) {
      waiting.shift()
      const { bytes } = next
      if (bytes === undefined) target.end()
      else
        target.write(bytes, () => {
          underWay -= bytes.length
          if (underWay < windowBytes / 2) source.resume()
        })
    }
    const [next] = waiting
    if (next) timer = setTimeout(pass, Math.max(0, next.at - performance.now()))
  }
  const keep = (bytes: Buffer | undefined): void => {
    waiting.push({ at: performance.now() + delayMs, bytes })
    delayMs = halfMs
    timer ??= setTimeout(pass, waiting.length === 1 ? halfMs + firstMs : halfMs)
  }
  source.on('data', (bytes) => {
    underWay += bytes.length
    if (underWay >= windowBytes) source.pause()
    keep(bytes)
  })
  source.on('end', () => keep(undefined))
  source.on('error', () => target.destroy())
  source.on('close', () => source.readableEnded || target.destroy())
}

const options = { allowHalfOpen: true, noDelay: true, highWaterMark: 256 * 1024 } as const
const server = createServer(options, (near) => {
  const onward = connect({ ...options, host: to, port: 443 })
  carry(near, onward, halfMs * 2)
  carry(onward, near, 0)
})
server.listen(443, from, () => process.send?.('ready'))
process.once('disconnect', () => process.exit(0))
