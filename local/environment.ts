import type { EnvironmentName } from '../lib/contract/env.ts'
import { driveFolder } from '../lib/contract/limits.ts'
import { tables } from '../lib/contract/tables.ts'
import { aboutOf, providerIds } from '../lib/providers/registry.ts'
import { localAudience } from './identity-provider.ts'
import type { Addresses } from './ports.ts'
import type { Simulated } from './simulated.ts'

export const stage = 'local'
export const secretPrefix = `driveway/${stage}`
export const intakeBucket = 'driveway-intake'
export const storageBucket = 'driveway-storage'
/** What S3 tells of new objects, and the lanes that it is sorted into. */
export const intakeQueues = {
  ARRIVALS_QUEUE_URL: 'driveway-intake-events',
  SHORT_QUEUE_URL: 'driveway-intake-short',
  LONG_QUEUE_URL: 'driveway-intake-long',
} as const
/** Messages of a lane that are worked on at once. */
const laneWorkers = '8'

/** The queue of events that could not be told. */
export const untoldEventsQueue = 'driveway-events-dlq'
export const webhooksQueue = 'driveway-webhooks'

/** The deployed name of a table of the local stage. */
export function localTableName(name: string): string {
  return `driveway-${stage}-${name}`
}

export interface LocalSettings {
  readonly addresses: Addresses
  /** The providers that are played here. */
  readonly simulated: readonly Simulated[]
  /** Where every AWS client goes instead of the emulators. */
  readonly awsEndpoint: string | undefined
}

/** What the functions find in their environment: the same names that a deployment sets. */
export function functionEnvironment({
  addresses,
  simulated,
  awsEndpoint,
}: LocalSettings): Record<string, string> {
  const own = addresses.url('gateway')
  const tableNames = Object.fromEntries(
    tables.map(({ name }) => [`${name.toUpperCase()}_TABLE`, localTableName(name)]),
  )
  const queueUrls = Object.fromEntries(
    Object.entries(intakeQueues).map(([variable, queue]) => [
      variable,
      `${awsEndpoint ?? addresses.url('sqs')}/000000000000/${queue}`,
    ]),
  )
  const settings: Partial<Record<EnvironmentName, string>> = {
    WEBHOOKS_QUEUE_URL: `${awsEndpoint ?? addresses.url('sqs')}/000000000000/${webhooksQueue}`,
    STAGE: stage,
    SECRET_PREFIX: secretPrefix,
    SECRET_RECOVERY_DAYS: '0',
    INTAKE_BUCKET: intakeBucket,
    STORAGE_BUCKET: storageBucket,
    ...queueUrls,
    LANE_WORKERS: process.env['INTAKE_CONCURRENCY'] ?? laneWorkers,
    KEPT_DAYS: 'change streams=1,dead letters=14,webhook deliveries=30',
    LONGEST_RUN_SECONDS: '5',
    EVENT_BUS: 'driveway',
    PUBLIC_URL: own,
    // Loopback with any port, as RFC 8252 has it for programs on the user's own machine.
    ALLOWED_RETURN_URLS: process.env['ALLOWED_RETURN_URLS'] ?? 'http://127.0.0.1:*/,http://localhost:*/',
    OFFERED_PROVIDERS: offeredProviders().join(','),
    REQUIRE_RETURN_URL: process.env['REQUIRE_RETURN_URL'] ?? 'false',
    CORS_ORIGINS: corsOrigins(own),
    LOOPBACK_SERVERS: 'true',
    // Whoever tries it here does not wait a quarter of an hour.
    CHANGES_WITHIN_MINUTES: process.env['CHANGES_WITHIN_MINUTES'] ?? '1',
    DRIVE_FOLDER: folderInDrives(),
    DRIVE_NAMES: process.env['DRIVE_NAMES'] ?? 'false',
    OIDC_ISSUER: `${own}/local`,
    OIDC_AUDIENCE: localAudience,
    OIDC_MACHINES: '*',
    OIDC_JWKS_URI: `${own}/local/.well-known/jwks.json`,
    LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'WARN',
  }
  const aws: Record<string, string> =
    awsEndpoint === undefined
      ? {
          AWS_ENDPOINT_URL_S3: addresses.url('s3'),
          AWS_ENDPOINT_URL_DYNAMODB: addresses.url('dynamodb'),
          AWS_ENDPOINT_URL_DYNAMODB_STREAMS: addresses.url('dynamodb'),
          AWS_ENDPOINT_URL_SQS: addresses.url('sqs'),
          AWS_ENDPOINT_URL_SECRETS_MANAGER: addresses.url('secrets'),
          AWS_ENDPOINT_URL_EVENTBRIDGE: addresses.url('secrets'),
          AWS_REGION: 'eu-central-1',
          AWS_ACCESS_KEY_ID: 'local',
          AWS_SECRET_ACCESS_KEY: 'local-secret',
        }
      : { AWS_ENDPOINT_URL: awsEndpoint, AWS_REGION: process.env['AWS_REGION'] ?? 'eu-central-1' }
  return { ...tableNames, ...settings, ...providerSettings({ addresses, simulated }), ...aws }
}

/** What can be connected: what OFFERED_PROVIDERS names, else everything. */
export function offeredProviders(): readonly string[] {
  const chosen = process.env['OFFERED_PROVIDERS']?.split(',') ?? providerIds
  const unknown = chosen.filter((id) => !providerIds.some((known) => known === id))
  if (unknown.length === 0) return chosen
  throw new Error(`OFFERED_PROVIDERS must be of ${providerIds.join(',')}`)
}

/** The same names are taken here as in a deployment. */
function folderInDrives(): string {
  const { DRIVE_FOLDER: folder = 'Driveway' } = process.env
  if (driveFolder.pattern.test(folder)) return folder
  throw new Error(`DRIVE_FOLDER must be ${driveFolder.mustBe}`)
}

/** The console's own pages, and beside them what is chosen; else pages that any program here serves. */
function corsOrigins(own: string): string {
  const loopback = ['localhost', '127.0.0.1', '[::1]'].map((host) => `http://${host}:*`)
  const chosen = process.env['CORS_ORIGINS']?.split(',').filter((origin) => origin !== '') ?? loopback
  return [own, own.replace('127.0.0.1', 'localhost'), ...chosen].join(',')
}

/** Where the simulators are, and what the user has chosen for single providers. */
function providerSettings({
  addresses,
  simulated,
}: Pick<LocalSettings, 'addresses' | 'simulated'>): Record<string, string> {
  const chosen = providerIds.flatMap((id) =>
    Object.entries(aboutOf(id).settings).flatMap(([name, setting]) => {
      const value = setting.chosen && process.env[name]
      return value === undefined ? [] : [[name, value] as const]
    }),
  )
  return Object.fromEntries([
    ...chosen,
    ...simulated.map(({ endpointSetting, name }) => [endpointSetting, addresses.url(name)] as const),
  ])
}
