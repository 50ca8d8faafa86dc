import { marshall } from '@aws-sdk/util-dynamodb'
import { describe, expect, it } from 'vitest'
import { tell } from '../../../lib/outbox/tell.ts'
import type { DrivewayEvent } from '../../../lib/telemetry/events.ts'
import { connectionImage } from '../../support/connection-image.ts'

/** A bus that takes what `takes` says; each call is noted. */
const busOf = (takes: (event: DrivewayEvent, call: number) => boolean = () => true) => {
  const calls: string[][] = []
  return {
    calls,
    put: (events: readonly DrivewayEvent[]) => {
      calls.push(events.map((event) => ('eventId' in event.detail ? event.detail.eventId : '')))
      return Promise.resolve(events.map((event) => takes(event, calls.length)))
    },
  }
}

const record = (sequence: string, image: object | undefined) => ({
  eventName: image ? 'MODIFY' : 'REMOVE',
  dynamodb: {
    SequenceNumber: sequence,
    ...(image ? { NewImage: marshall(image, { removeUndefinedValues: true }) } : {}),
  },
})
const event = (id: string) => ({ event: { id, type: 'Connection Activated' }, seq: 1 })
const numbered = (count: number): string[] => Array.from({ length: count }, (_, at) => `e${at}`)
const records = (ids: readonly string[]) => ids.map((id, at) => record(`n${at}`, connectionImage(event(id))))

const nothing = { batchItemFailures: [] }
const from = (sequence: string) => ({ batchItemFailures: [{ itemIdentifier: sequence }] })

describe('telling', () => {
  it('goes by ten, in order', async () => {
    const bus = busOf()
    expect(await tell({ bus }, { Records: records(numbered(23)) })).toEqual(nothing)
    expect(bus.calls.map((call) => call.length)).toEqual([10, 10, 3])
    expect(bus.calls.flat()).toEqual(numbered(23))
  })

  it('passes over writes that carry no event', async () => {
    const bus = busOf()
    const Records = [
      record('n0', connectionImage()),
      record('n1', undefined),
      record('n2', connectionImage(event('e2'))),
    ]
    expect(await tell({ bus }, { Records })).toEqual(nothing)
    expect(bus.calls).toEqual([['e2']])
  })

  it('makes no call when there is nothing to tell', async () => {
    const bus = busOf()
    expect(await tell({ bus }, { Records: [record('n0', connectionImage())] })).toEqual(nothing)
    expect(bus.calls).toEqual([])
  })

  it('answers the first event that the bus did not take, and tells nothing after those ten', async () => {
    const bus = busOf(({ detail }) => !('eventId' in detail) || detail.eventId !== 'e12')
    expect(await tell({ bus }, { Records: records(numbered(23)) })).toEqual(from('n12'))
    expect(bus.calls.map((call) => call.length)).toEqual([10, 10])
  })

  it('answers where it stopped when the bus cannot be reached', async () => {
    const bus = { put: () => Promise.reject(new Error('the bus is down')) }
    expect(await tell({ bus }, { Records: records(numbered(3)) })).toEqual(from('n0'))
  })

  it('tells what comes before a row that cannot be read, and comes back to that row', async () => {
    const bus = busOf()
    const Records = [
      record('n0', connectionImage(event('e0'))),
      record('n1', connectionImage({ ...event('e1'), provider: 'nobody' })),
      record('n2', connectionImage(event('e2'))),
    ]
    expect(await tell({ bus }, { Records })).toEqual(from('n1'))
    expect(bus.calls).toEqual([['e0']])
  })

  it('says why a connection has to be reconnected', async () => {
    const told: DrivewayEvent[] = []
    const bus = {
      put: (events: readonly DrivewayEvent[]) => {
        told.push(...events)
        return Promise.resolve(events.map(() => true))
      },
    }
    const image = connectionImage({
      status: 'requires_reauth',
      reason: 'grant_expired',
      event: { id: 'e0', type: 'Connection Requires Reauth' },
      seq: 7,
    })
    await tell({ bus }, { Records: [record('n0', image)] })
    expect(told).toEqual([
      {
        type: 'Connection Requires Reauth',
        detail: {
          eventId: 'e0',
          seq: 7,
          schemaVersion: 1,
          occurredAt: '2026-11-27T10:00:01.000Z',
          userId: 'alice',
          connectionId: image.connectionId,
          provider: 'google-drive',
          reason: 'grant_expired',
        },
      },
    ])
  })
})
