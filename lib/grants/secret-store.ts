import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import type { Clock } from '../clock.ts'
import { ServiceError } from '../errors.ts'
import type { NewId } from '../ids.ts'
import { randomId } from '../ids.ts'
import type { Secret } from '../secret.ts'
import { secret } from '../secret.ts'

export interface SecretStoreOptions {
  /** Made on first use: most requests find what they need in memory or in a table. */
  readonly client: () => Promise<SecretsManagerClient>
  /** In front of every name, without a trailing slash: `driveway/{stage}`. */
  readonly prefix: string
  /** Days that a deleted secret can be restored, 7 to 30; 0 deletes at once. */
  readonly recoveryDays: number
  /** The customer-managed key of new secrets; Secrets Manager's own when absent. */
  readonly kmsKeyId?: string | undefined
  readonly clock: Clock
  readonly newId?: NewId
}

/**
 * Named secrets. A failure that the SDK's retries did not mend is `provider_unavailable`, worth another try.
 */
export interface SecretStore {
  /** Undefined when there is none, or it is on its way out. */
  read(name: string): Promise<Secret | undefined>
  /** Creates it, adds a version, or brings it back from its recovery window. */
  write(name: string, value: Secret): Promise<void>
  /** A new version of a secret that is there; false, with nothing written, when there is none. */
  replace(name: string, value: Secret): Promise<boolean>
  /** Already gone is success. */
  remove(name: string): Promise<void>
}

type Module = typeof import('@aws-sdk/client-secrets-manager')

/** During a deletion without recovery the name is taken and cannot be restored; it is over in seconds. */
const deletionTries = 6
const deletionPauseMs = 1_000

/** https://docs.aws.amazon.com/secretsmanager/latest/apireference/Welcome.html */
export function secretStore(options: SecretStoreOptions): SecretStore {
  const { newId = randomId } = options
  const id = (name: string): string => `${options.prefix}/${name}`
  const call = async <Answer>(
    work: (aws: Module, client: SecretsManagerClient) => Promise<Answer>,
  ): Promise<Answer> => {
    const [aws, client] = await Promise.all([import('@aws-sdk/client-secrets-manager'), options.client()])
    return work(aws, client)
  }
  return {
    async read(name) {
      try {
        const answer = await call((aws, client) =>
          client.send(new aws.GetSecretValueCommand({ SecretId: id(name) })),
        )
        return answer.SecretString === undefined ? undefined : secret(answer.SecretString)
      } catch (error) {
        if (is(error, 'ResourceNotFoundException') || deleted(error)) return undefined
        throw storeError(error)
      }
    },
    async write(name, value) {
      // One version id for all tries of this write, so that a repeat after a lost answer is no second
      // version. It is not made from the value: writing an earlier value again would then be taken as done.
      const token = newId()
      const content = { ClientRequestToken: token, SecretString: value.reveal() }
      const key = options.kmsKeyId === undefined ? {} : { KmsKeyId: options.kmsKeyId }
      for (let attempt = 1; ; attempt += 1) {
        const outcome = await call((aws, client) =>
          putOrCreate(
            () => client.send(new aws.PutSecretValueCommand({ SecretId: id(name), ...content })),
            () => client.send(new aws.CreateSecretCommand({ Name: id(name), ...content, ...key })),
            () => client.send(new aws.RestoreSecretCommand({ SecretId: id(name) })),
          ),
        )
        if (outcome === 'written') return
        if (attempt >= deletionTries) throw storeError(undefined)
        await options.clock.sleep(deletionPauseMs)
      }
    },
    async replace(name, value) {
      const content = { ClientRequestToken: newId(), SecretString: value.reveal() }
      try {
        await call((aws, client) =>
          client.send(new aws.PutSecretValueCommand({ SecretId: id(name), ...content })),
        )
        return true
      } catch (error) {
        if (is(error, 'ResourceNotFoundException') || deleted(error)) return false
        throw storeError(error)
      }
    },
    async remove(name) {
      const how =
        options.recoveryDays === 0
          ? { ForceDeleteWithoutRecovery: true }
          : { RecoveryWindowInDays: options.recoveryDays }
      try {
        await call((aws, client) => client.send(new aws.DeleteSecretCommand({ SecretId: id(name), ...how })))
      } catch (error) {
        if (!is(error, 'ResourceNotFoundException') && !deleted(error)) throw storeError(error)
      }
    },
  }
}

/**
 * One round: a new version, else a new secret, else back from the recovery window. `again`: somebody was
 * quicker, or a deletion is under way.
 */
async function putOrCreate(
  put: () => Promise<unknown>,
  create: () => Promise<unknown>,
  restore: () => Promise<unknown>,
): Promise<'written' | 'again'> {
  try {
    await put()
    return 'written'
  } catch (error) {
    if (is(error, 'ResourceNotFoundException')) return tried(create)
    if (!deleted(error)) throw storeError(error)
  }
  // Restored, the next round's put succeeds.
  await tried(restore)
  return tried(put)
}

async function tried(step: () => Promise<unknown>): Promise<'written' | 'again'> {
  try {
    await step()
    return 'written'
  } catch (error) {
    if (is(error, 'ResourceExistsException', 'ResourceNotFoundException') || deleted(error)) return 'again'
    throw storeError(error)
  }
}

function is(error: unknown, ...names: string[]): boolean {
  return error instanceof Error && names.includes(error.name)
}

/** What every call but RestoreSecret gets for a secret that is scheduled for deletion. */
function deleted(error: unknown): boolean {
  return is(error, 'InvalidRequestException')
}

function storeError(error: unknown): ServiceError {
  return new ServiceError('provider_unavailable', 'The secret store is busy. Try again.', {
    retry: { retryable: true, afterSeconds: 1 },
    context: { retryAfterSeconds: 1, ...(error instanceof Error ? { providerCode: error.name } : {}) },
    cause: error,
  })
}
