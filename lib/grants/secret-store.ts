import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
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
  readonly newId?: NewId
}

/**
 * Named secrets. A failure that the SDK's retries did not mend is `provider_unavailable`, worth another try.
 */
export interface SecretStore {
  /** The text of one that a person or the deployment has made; undefined when there is none. */
  readText(name: string): Promise<Secret | undefined>
  /** The bytes of one that `create` has made; undefined when there is none, or it is on its way out. */
  read(name: string): Promise<Uint8Array | undefined>
  /** Makes a secret that is never written again; its name is new. */
  create(name: string, value: Uint8Array): Promise<void>
  /** Already gone is success. */
  remove(name: string): Promise<void>
}

type Module = typeof import('@aws-sdk/client-secrets-manager')

/** https://docs.aws.amazon.com/secretsmanager/latest/apireference/Welcome.html */
export function secretStore(options: SecretStoreOptions): SecretStore {
  const { prefix, recoveryDays, kmsKeyId, newId = randomId } = options
  const id = (name: string): string => `${prefix}/${name}`
  /** Undefined when there is no such secret, or none any more. */
  const call = async <Answer>(
    work: (aws: Module, client: SecretsManagerClient) => Promise<Answer>,
  ): Promise<Answer | undefined> => {
    try {
      const [aws, client] = await Promise.all([import('@aws-sdk/client-secrets-manager'), options.client()])
      return await work(aws, client)
    } catch (error) {
      // InvalidRequestException is what a secret answers that is scheduled for deletion.
      const name = error instanceof Error ? error.name : ''
      if (['ResourceNotFoundException', 'InvalidRequestException'].includes(name)) return undefined
      throw storeError(name, error)
    }
  }
  const get = (name: string) =>
    call((aws, client) => client.send(new aws.GetSecretValueCommand({ SecretId: id(name) })))
  return {
    async readText(name) {
      const text = (await get(name))?.SecretString
      return text === undefined ? undefined : secret(text)
    },
    read: async (name) => (await get(name))?.SecretBinary,
    async create(name, value) {
      // The SDK repeats a call whose answer was lost with the same token: that is the same secret.
      const content = { Name: id(name), SecretBinary: value, ClientRequestToken: newId() }
      const key = kmsKeyId === undefined ? {} : { KmsKeyId: kmsKeyId }
      const made = await call((aws, client) =>
        client.send(new aws.CreateSecretCommand({ ...content, ...key })),
      )
      if (made === undefined) throw storeError('InvalidRequestException', undefined)
    },
    async remove(name) {
      const how =
        recoveryDays === 0 ? { ForceDeleteWithoutRecovery: true } : { RecoveryWindowInDays: recoveryDays }
      await call((aws, client) => client.send(new aws.DeleteSecretCommand({ SecretId: id(name), ...how })))
    },
  }
}

function storeError(providerCode: string, cause: unknown): ServiceError {
  return new ServiceError('provider_unavailable', 'The secret store is busy. Try again.', {
    retry: { retryable: true, afterSeconds: 1 },
    context: { retryAfterSeconds: 1, ...(providerCode === '' ? {} : { providerCode }) },
    cause,
  })
}
