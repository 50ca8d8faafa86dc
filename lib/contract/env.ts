import { ServiceError } from '../errors.ts'
import type { Settings } from '../providers/about.ts'
import type { providers } from '../providers/registry.ts'

/**
 * Every environment variable that a function may read; those of single providers stand in their facts.
 * A function is given only those that its operation needs.
 */
export const environment = {
  STAGE: 'The deployment stage; part of every name.',
  CONNECTIONS_TABLE: 'DynamoDB table of connections.',
  DOCUMENTS_TABLE: 'DynamoDB table of documents.',
  TRANSFERS_TABLE: 'DynamoDB table of transfers under way.',
  TOKENS_TABLE: 'DynamoDB table of sealed access tokens and refresh leases.',
  GRANTS_TABLE: 'DynamoDB table of where grants are, and of their keys.',
  CELLS_TABLE: 'DynamoDB table of the secrets that hold many grants.',
  AUTHORIZATIONS_TABLE: 'DynamoDB table of pending authorizations.',
  WEBHOOKS_TABLE: 'DynamoDB table of the app’s webhooks.',
  DELIVERIES_TABLE: 'DynamoDB table of what is sent to webhooks.',
  WEBHOOKS_QUEUE_URL: 'SQS queue of deliveries to webhooks.',
  USERS_TABLE: 'DynamoDB table of what is kept of users as such.',
  KEPT_DAYS: 'What outlives an erasure, and for how many days: logs=90,table backups=35.',
  LONGEST_RUN_SECONDS: 'How long a function may run: what began before an erasure has ended by then.',
  SECRET_PREFIX: 'Prefix of this deployment’s secrets, without a trailing slash: driveway/{stage}.',
  SECRET_RECOVERY_DAYS: 'Days that a deleted connection secret can be restored: 0 (at once) or 7 to 30.',
  SECRETS_KEY_ARN: 'KMS key of new connection secrets; the account’s own Secrets Manager key when absent.',
  INTAKE_BUCKET: 'S3 bucket that uploads arrive in.',
  ARRIVALS_QUEUE_URL: 'SQS queue that S3 tells of new objects in the intake bucket.',
  SHORT_QUEUE_URL: 'SQS queue of intake work that is soon done.',
  LONG_QUEUE_URL: 'SQS queue of large intake objects, and of users who have much on their way.',
  LANE_WORKERS: 'How many messages of either lane are worked on at once.',
  EVENT_BUS: 'EventBridge bus that outcomes go to.',
  PUBLIC_URL: 'The API’s own base URL as providers and clients see it, without a trailing slash.',
  ALLOWED_RETURN_URLS: 'Comma-separated origins or URL prefixes that returnUrl may start with.',
  REQUIRE_RETURN_URL: 'Whether a connect has to name its returnUrl: true or false.',
  CHANGES_WITHIN_MINUTES: 'How long a drive where nothing happens is not looked at; 0: never looked at.',
  CONNECTIONS_PER_USER: 'Connections that one user may have.',
  OFFERED_PROVIDERS: 'Comma-separated providers that new connections may go to; all when absent.',
  CORS_ORIGINS: 'Comma-separated origins that browsers may call from; empty for none.',
  LOOPBACK_SERVERS: 'true where a user’s own server may be on this machine: on the local stack alone.',
  DRIVE_FOLDER: 'Folder in the user’s drive that documents go into; empty for the root.',
  DRIVE_NAMES: 'true: files in the drive are called as people call them; else by document id and extension.',
  OIDC_ISSUER: 'Issuer of the callers’ tokens.',
  OIDC_AUDIENCE:
    'Comma-separated audiences (or client ids, for tokens without an audience) that callers’ tokens must carry.',
  OIDC_MACHINES:
    'Comma-separated subjects (or client ids, for tokens without a subject) that act for users; * for every client of the issuer whose token is its own.',
  OIDC_JWKS_URI: 'Where the issuer’s keys are; from its discovery document when absent.',
  BUCKETS_BY_PATH:
    'true or false: our own buckets stand in the path of their URLs; when absent, wherever S3 has an endpoint of its own.',
  LOG_LEVEL: 'DEBUG, INFO, WARN or ERROR.',
} as const

type OfProvider<Id extends keyof typeof providers> = Id extends unknown
  ? keyof (typeof providers)[Id]['settings']
  : never

export type EnvironmentName = keyof typeof environment | OfProvider<keyof typeof providers>

/** A process's environment as settings: an empty variable counts as absent. */
export function settingsOf(environment: Settings): Settings {
  return Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''))
}

/** A setting that this function cannot do without; its absence is a mistake of the deployment. */
export function required(settings: Settings, name: EnvironmentName): string {
  const value = settings[name]
  if (value !== undefined) return value
  throw new ServiceError('internal_error', `The setting ${name} is missing in this function’s environment.`)
}

/** A comma-separated setting. */
export function listed(settings: Settings, name: EnvironmentName): readonly string[] {
  return (settings[name] ?? '')
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
}
