/** A whole process of ours: takes objects of the intake bucket to a drive, as the function does, and ends. */
import { readFileSync } from 'node:fs'
import { compose } from '../../lib/compose/compose.ts'
import type { Composition } from '../../lib/compose/composition.ts'
import { openIntake } from '../../lib/compose/intake.ts'
import type { ConnectionId } from '../../lib/ids.ts'
import { ingestObject } from '../../lib/intake/ingest.ts'
import { createSealer, sealKey } from '../../lib/grants/seal.ts'
import type { CreatedObject } from '../../lib/queue/object-created.ts'
import { googleDriveDriver } from '../../lib/providers/google-drive/driver.ts'
import { oneDriveDriver } from '../../lib/providers/onedrive/driver.ts'
import { secret } from '../../lib/secret.ts'
import type { Driver } from '../../lib/storage/driver.ts'
import type { Drive } from './names.ts'

export interface Order {
  readonly drive: Drive
  readonly connectionId: ConnectionId
  readonly accessToken: string
  readonly fragmentBytes?: number
  readonly objects: readonly CreatedObject[]
  readonly atOnce: number
}

// Not awaited here: chunks that are loaded later import the entry, which has to be there by then.
void main(JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Order)

async function main(order: Order): Promise<void> {
  const composition = compose(process.env)
  const { clock } = composition
  const key = sealKey('a key for measuring, which is long enough to be one')
  const driver = driverOf(order, clock)
  const sealer = createSealer(() => Promise.resolve({ current: 'k1', keys: new Map([['k1', key]]) }))
  // What is not asked for is not made.
  const deps = openIntake(
    Object.create(composition, {
      openDriver: { value: () => Promise.resolve(driver) },
      sealer: { value: sealer },
    }) as Composition,
  )
  const pauses = watchPauses()
  const waiting = [...order.objects.entries()]
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [index, object] = next
      for (;;) {
        const delivery = { messageId: `m-${String(index)}`, deadline: clock.now() + 900_000 }
        const handled = await ingestObject(deps, object, delivery)
        if (handled.kind === 'done') break
        await clock.sleep(Math.min(1000, handled.afterSeconds * 1000))
      }
    }
  }
  await Promise.all(Array.from({ length: order.atOnce }, worker))
  process.stdout.write(JSON.stringify({ longestPauseMs: pauses() }))
  process.exit(0)
}

function driverOf(
  { drive, connectionId, accessToken, fragmentBytes }: Order,
  clock: ReturnType<typeof compose>['clock'],
): Driver {
  const token = { token: secret(accessToken), version: 1, expiresAt: Number.MAX_SAFE_INTEGER }
  const tokens = {
    get: () => Promise.resolve(token),
    renew: () => Promise.reject(new Error('The token was refused.')),
    lost: () => Promise.reject(new Error('The grant was refused.')),
  }
  const options = { connectionId, tokens, clock }
  const driver = drive === 'google' ? googleDriveDriver(options) : oneDriveDriver(options)
  const { sessions } = driver
  return fragmentBytes === undefined || !sessions
    ? driver
    : { ...driver, sessions: { ...sessions, fragmentBytes } }
}

/** How long the event loop was held up at most, milliseconds, from now to the call of what it answers. */
function watchPauses(): () => number {
  let longest = 0
  let last = performance.now()
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - last - 5)
    last = performance.now()
  }, 5)
  return () => {
    clearInterval(timer)
    return longest
  }
}
