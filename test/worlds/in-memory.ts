import { apiEvent } from '../support/api-event.ts'
import { tokenId } from '../../simulators/microsoft/drive/ids.ts'
import type { Deployment } from './deployment.ts'
import { intakeBucket, storageBucket } from './deployment.ts'
import { fragmentBytes, smallBytes } from './determinism.ts'
import type { Clouds } from './drives.ts'
import { oauthClient } from './drives.ts'
import type { BucketName, Ground } from './ground.ts'
import type { Network } from './network.ts'

const minute = 60_000
const buckets: Readonly<Record<BucketName, string>> = { intake: intakeBucket, storage: storageBucket }

/** A world in memory as ground. */
export function inMemory(network: Network, deployment: Deployment): Ground {
  const { world } = network
  const { aws, clouds, lambda } = deployment
  return {
    get now() {
      return world.now
    },
    after: (ms, run) => void world.after(ms, run),
    tell: (line) => world.tell(line),
    sizes: { small: smallBytes, fragment: fragmentBytes },
    appOf(sub, name) {
      let calls = 0
      return async (route, call = {}) => {
        calls += 1
        return await lambda.http(route, apiEvent({ sub, ...call }), `${name} ${route} ${String(calls)}`)
      }
    },
    askProvider: (request) => clouds.ask(request),
    bearer: (cloud, account) => Promise.resolve(bearers[cloud](clouds, account)),
    control(cloud) {
      const { control } = clouds[cloud].definition
      return {
        files: async (account) => await control.files(account),
        setQuota: (account, most) => Promise.resolve(control.setQuota(account, most)),
        revoke: (account) => Promise.resolve(control.revoke(account)),
        expireTokens: (account) => Promise.resolve(control.expireTokens(account)),
      }
    },
    outage: (cloud, ms) => Promise.resolve(void network.outages.set(cloud, world.now + ms)),
    rows: (table) => Promise.resolve(aws.tables.all(table)),
    objects: (bucket) =>
      Promise.resolve(
        aws.buckets.of(buckets[bucket]).map(([key, { bytes, tags }]) => ({ key, bytes, tags })),
      ),
    putObject(bucket, key, bytes, isNew) {
      if (isNew && aws.buckets.objects.has(`${buckets[bucket]}/${key}`)) return Promise.resolve(false)
      const contentType = bucket === 'intake' ? 'application/pdf' : 'text/plain'
      aws.buckets.put(buckets[bucket], key, { bytes, modifiedAt: world.now, contentType })
      return Promise.resolve(true)
    },
    removeObject: (bucket, key) => Promise.resolve(aws.buckets.objects.delete(`${buckets[bucket]}/${key}`)),
    putSigned: (url, headers, bytes) =>
      Promise.resolve(aws.buckets.putSigned(url, headers, bytes, world.now)),
    mayAwsFail() {
      const { awsBusy, lostRequest, lostAnswer } = network.weather
      return awsBusy + lostRequest + lostAnswer > 0
    },
    async wait(asked) {
      let isOver = false
      const over = asked.finally(() => {
        isOver = true
      })
      await world.run(world.now + minute, () => isOver)
      return await over
    },
    isBusy() {
      const waiting = Object.values(aws.queues).some(({ messages }) => messages.size > 0)
      return Promise.resolve(waiting || deployment.untold.length > 0 || lambda.running > 0)
    },
    evidence() {
      const queues = Object.values(aws.queues)
      const bodies = (messages: Iterable<{ readonly body: string }>) => [...messages].map(({ body }) => body)
      return Promise.resolve({
        told: aws.told,
        written: deployment.written,
        waiting: queues.flatMap(({ messages }) => bodies(messages.values())),
        dead: queues.flatMap(({ dead }) => bodies(dead)),
        printed: lambda.printed.join(''),
        ofTheDead: lambda.ofTheDead,
        unheard: network.unheard,
        isUnclaimed: (sha) => lambda.unclaimed.has(sha),
        renamedAt: (id) => network.renamed.get(id),
      })
    },
  }
}

/** Good for a moment, whatever has become of the consents of the account. */
const bearers = {
  google({ google: { state } }: Clouds, account: string): string {
    const token = `person ${account}`
    const now = state.clock.now()
    state.tokens.put(token, {
      token,
      kind: 'access',
      account,
      clientId: 'person',
      project: 'person',
      scopes: ['https://www.googleapis.com/auth/drive'],
      combined: false,
      issuedAt: now,
      usedAt: now,
      expiresAt: now + minute,
    })
    return token
  },
  microsoft({ microsoft: { context } }: Clouds, account: string): string {
    const token = `person ${account}`
    context.tables.accessTokens.put(tokenId(token), {
      id: tokenId(token),
      clientId: 'person',
      account,
      scopes: ['Files.ReadWrite'],
      generation: context.tables.accounts.get(account)?.accessGeneration ?? 0,
      expiresAt: context.clock.now() + minute,
    })
    return token
  },
  dropbox({ dropbox: { state } }: Clouds, account: string): string {
    const token = `person ${account}`
    state.tokens.put(token, {
      token,
      kind: 'access',
      account,
      clientId: oauthClient.clientId,
      scopes: ['files.metadata.read', 'files.content.read', 'files.content.write'],
      expiresAt: state.clock.now() + minute,
    })
    return token
  },
}
