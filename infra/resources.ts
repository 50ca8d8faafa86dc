import type { EventBus } from 'aws-cdk-lib/aws-events'
import type { EnvironmentName } from '../lib/contract/env.ts'
import { outbox as outboxContract } from '../lib/contract/outbox.ts'
import type { TableName } from '../lib/contract/tables.ts'
import { deliveryDays } from '../lib/contract/webhook-types.ts'
import type { Api } from './constructs/api.ts'
import type { Data } from './constructs/data.ts'
import { recoveryDays } from './constructs/data.ts'
import { deadLetterDays } from './constructs/intake.ts'
import type { Identity } from './constructs/identity.ts'
import type { Intake } from './constructs/intake.ts'
import type { Outbox } from './constructs/outbox.ts'
import {
  bucketResource,
  busResource,
  queueResource,
  secretResource,
  settingResource,
  streamsResource,
  tableResource,
} from './constructs/resource.ts'
import type { Secrets } from './constructs/secrets.ts'
import type { Resources } from './uses.ts'
import type { Settings } from './settings.ts'

export interface Deployment {
  readonly settings: Settings
  readonly data: Data
  readonly secrets: Secrets
  readonly intake: Intake
  readonly bus: EventBus
  readonly outbox: Outbox
  readonly identity: Identity
  readonly api: Api
  /** The console's origin, when there is one. */
  readonly origins: readonly string[]
}

/** What the deployment has, as things that a function can be given. */
export function deploymentResources(deployment: Deployment): Resources {
  const { settings, data, secrets, intake, bus, outbox, identity, api, origins } = deployment
  const { key } = data
  const table = (name: TableName, variable: EnvironmentName) =>
    tableResource(data.tables[name], key, variable)
  const returnUrls = [...settings.allowedReturnUrls, ...origins.map((origin) => `${origin}/`)]
  const named = { SECRET_PREFIX: secrets.prefix }
  return {
    connections: table('connections', 'CONNECTIONS_TABLE'),
    documents: table('documents', 'DOCUMENTS_TABLE'),
    transfers: table('transfers', 'TRANSFERS_TABLE'),
    tokens: table('tokens', 'TOKENS_TABLE'),
    grants: table('grants', 'GRANTS_TABLE'),
    cells: table('cells', 'CELLS_TABLE'),
    authorizations: table('authorizations', 'AUTHORIZATIONS_TABLE'),
    users: table('users', 'USERS_TABLE'),
    webhooks: table('webhooks', 'WEBHOOKS_TABLE'),
    deliveries: table('deliveries', 'DELIVERIES_TABLE'),
    connectionSecrets: secretResource([secrets.arns('connections/*')], key, {
      ...named,
      SECRETS_KEY_ARN: key.keyArn,
      SECRET_RECOVERY_DAYS: String(settings.secretRecoveryDays),
    }),
    cellSecrets: secretResource([secrets.arns('cells/*')], key, {
      ...named,
      SECRETS_KEY_ARN: key.keyArn,
      SECRET_RECOVERY_DAYS: String(settings.secretRecoveryDays),
    }),
    oauthClients: secretResource([secrets.arns('oauth/*')], key, named),
    sealKey: secretResource([secrets.sealKey.secretArn], key, named),
    intakeBucket: bucketResource(data.intake, key, 'INTAKE_BUCKET'),
    storageBucket: bucketResource(data.storage, key, 'STORAGE_BUCKET'),
    arrivals: queueResource(intake.arrivals, key, 'ARRIVALS_QUEUE_URL'),
    shortLane: queueResource(intake.short, key, 'SHORT_QUEUE_URL'),
    longLane: queueResource(intake.long, key, 'LONG_QUEUE_URL'),
    laneWorkers: settingResource({ LANE_WORKERS: String(settings.intakeConcurrency) }),
    events: busResource(bus, 'EVENT_BUS'),
    changeStreams: streamsResource(
      outboxContract.tables.map((name) => data.tables[name]),
      key,
    ),
    untoldEvents: queueResource(outbox.deadLetters, key),
    webhookQueue: queueResource(outbox.webhooks, key, 'WEBHOOKS_QUEUE_URL'),
    identity: settingResource(identity.environment),
    publicUrl: settingResource({ PUBLIC_URL: api.publicUrl }),
    starts: settingResource(startsOf(settings, returnUrls)),
    filing: settingResource({
      DRIVE_FOLDER: settings.driveFolder,
      DRIVE_NAMES: String(settings.driveNames),
      ...settings.ofProviders,
    }),
    following: settingResource({ CHANGES_WITHIN_MINUTES: String(settings.changesWithinMinutes) }),
    kept: settingResource({ KEPT_DAYS: keptDays(settings) }),
    browsers: settingResource({ CORS_ORIGINS: [...settings.corsOrigins, ...origins].join(',') }),
  }
}

/** What a connection may be begun with. */
const startsOf = (settings: Settings, returnUrls: readonly string[]) => ({
  CONNECTIONS_PER_USER: String(settings.connectionsPerUser),
  OFFERED_PROVIDERS: settings.offeredProviders.join(','),
  ALLOWED_RETURN_URLS: returnUrls.join(','),
  REQUIRE_RETURN_URL: String(settings.requireReturnUrl && returnUrls.length > 0),
})

/** What nobody can take back, and for how many days: tables restored, streams, letters, events, logs. */
function keptDays({ logRetentionDays, secretRecoveryDays, eventArchiveDays }: Settings): string {
  const days = {
    'table backups': recoveryDays,
    'change streams': 1,
    'dead letters': deadLetterDays,
    'webhook deliveries': deliveryDays,
    logs: logRetentionDays,
    ...(eventArchiveDays > 0 && { 'event archive': eventArchiveDays }),
    ...(secretRecoveryDays > 0 && { 'deleted secrets': secretRecoveryDays }),
  }
  return Object.entries(days)
    .map(([what, many]) => `${what}=${many}`)
    .join(',')
}
