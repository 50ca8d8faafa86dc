import { CfnOutput, Duration, Stack, Tags } from 'aws-cdk-lib'
import { Archive, EventBus, Rule, Schedule } from 'aws-cdk-lib/aws-events'
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets'
import type { Key } from 'aws-cdk-lib/aws-kms'
import type { Code } from 'aws-cdk-lib/aws-lambda'
import type { ITopic } from 'aws-cdk-lib/aws-sns'
import type { IUserPool } from 'aws-cdk-lib/aws-cognito'
import { Construct } from 'constructs'
import { oauth2Of, oauthProviderIds } from '../../lib/providers/registry.ts'
import { Alarms } from './alarms.ts'
import { Api } from './api.ts'
import { Console } from './console.ts'
import { CustomDomain } from './custom-domain.ts'
import { Dashboard } from './dashboard.ts'
import { Data } from './data.ts'
import { Firewall } from './firewall.ts'
import { DrivewayFunction } from './function.ts'
import { Identity } from './identity.ts'
import { Intake } from './intake.ts'
import { Outbox } from './outbox.ts'
import { Secrets } from './secrets.ts'
import { functionNames, functionPlans } from '../functions.ts'
import { permissions } from '../permissions.ts'
import { deploymentResources } from '../resources.ts'
import type { Settings } from '../settings.ts'

export interface DeploymentProps {
  readonly settings: Settings
  /** The bundled code of a function, by its name. */
  readonly codeOf: (functionName: string) => Code
  /** The folder of the built console, when it goes along. */
  readonly consoleFolder: string | undefined
}

/** A whole deployment of one stage. */
export class Deployment extends Construct {
  /** Where clients reach the API, without a trailing slash. */
  readonly apiUrl: string
  /** Who the callers' tokens are from. */
  readonly issuer: string
  /** The stack's own user pool; absent where `issuer` was chosen. */
  readonly userPool: IUserPool | undefined
  /** Where events are told. */
  readonly bus: EventBus
  readonly alarmTopic: ITopic

  constructor(scope: Construct, id: string, { settings, codeOf, consoleFolder }: DeploymentProps) {
    super(scope, id)
    Tags.of(this).add('driveway:stage', settings.stage)

    // Whoever signs in at the console needs a client to do it with; the user pool has one.
    const canSignIn = settings.issuer === undefined || settings.consoleClientId !== undefined
    const { data, api, secrets, console, origins } = this.#addApi(
      settings,
      consoleFolder !== undefined && canSignIn,
    )
    const bus = this.#addBus(settings, data.key)
    const identity = new Identity(this, 'Identity', {
      settings,
      signInUrls: origins.map((origin) => `${origin}/`),
    })
    const intake = new Intake(this, 'Intake', {
      settings,
      key: data.key,
      bucket: data.intake,
      sortTimeout: Duration.seconds(functionPlans['sort-intake'].timeoutSeconds),
      workTimeout: Duration.seconds(functionPlans['ingest-object'].timeoutSeconds),
    })

    const outbox = new Outbox(this, 'Outbox', {
      settings,
      key: data.key,
      deliverTimeout: Duration.seconds(functionPlans['deliver-webhook'].timeoutSeconds),
    })

    const parts = { settings, data, secrets, intake, bus, outbox, identity, api, origins }
    const resources = deploymentResources(parts)
    const functionOf = this.#addFunctions(settings, data, codeOf, resources)
    api.serve(functionOf, functionOf('authorize-request'), [...settings.corsOrigins, ...origins])
    intake.feeds(functionOf('sort-intake'), functionOf('ingest-object'))
    outbox.feeds(functionOf('tell'), data.tables, functionOf('deliver-webhook'))
    this.#scheduleAll(functionOf, settings)
    new CustomDomain(this, 'Domain', api.rest, settings)
    if (settings.waf) new Firewall(this, 'Firewall', api.rest.deploymentStage, `driveway-${settings.stage}`)
    const clientId = identity.clientId ?? settings.consoleClientId
    if (consoleFolder !== undefined && clientId !== undefined) {
      const { offeredProviders } = settings
      const { issuer } = identity
      console?.publish(consoleFolder, { apiUrl: api.publicUrl, issuer, clientId, offeredProviders })
    }
    const alarms = new Alarms(this, 'Alarms', {
      settings,
      key: data.key,
      rest: api.rest,
      intake,
      outbox,
      functionOf,
    })
    new Dashboard(this, 'Dashboard', { settings, rest: api.rest, intake })
    this.#addOutputs(api, identity, intake, alarms)
    this.apiUrl = api.publicUrl
    this.issuer = identity.issuer
    this.userPool = identity.userPool
    this.bus = bus
    this.alarmTopic = alarms.topic
  }

  /** The bus, and what has been told on it, to be told again to its listeners. */
  #addBus({ stage, eventArchiveDays }: Settings, kmsKey: Key): EventBus {
    const bus = new EventBus(this, 'Events', { eventBusName: `driveway-${stage}` })
    if (eventArchiveDays > 0)
      new Archive(bus, 'Archive', {
        sourceEventBus: bus,
        archiveName: `driveway-${stage}`,
        eventPattern: { source: ['driveway'] },
        retention: Duration.days(eventArchiveDays),
        kmsKey,
      })
    return bus
  }

  /**
   * The key and the stores, the API's address, and the console, whose
   * address the stores and the API have to allow.
   */
  #addApi(settings: Settings, withConsole: boolean) {
    const { region, urlSuffix } = Stack.of(this)
    const connectTo: string[] = [`https://*.s3.${region}.${urlSuffix}`]
    const apiOrigin =
      settings.domainName === undefined
        ? `https://*.execute-api.${region}.${urlSuffix}`
        : `https://${settings.domainName}`
    const signIn =
      settings.issuer === undefined
        ? `https://*.auth.${region}.amazoncognito.com https://cognito-idp.${region}.${urlSuffix}`
        : new URL(settings.issuer).origin
    const console = withConsole
      ? new Console(this, 'Console', settings, [apiOrigin, signIn, ...connectTo])
      : undefined
    const origins = console === undefined ? [] : [console.origin]
    const data = new Data(this, 'Data', { settings, corsOrigins: origins })
    const secrets = new Secrets(this, 'Secrets', { settings, key: data.key })
    const api = new Api(this, 'Api', { settings, key: data.key })
    return { data, secrets, api, console, origins }
  }

  #addFunctions(
    settings: Settings,
    { key }: Data,
    codeOf: DeploymentProps['codeOf'],
    resources: ReturnType<typeof deploymentResources>,
  ) {
    const functions = new Map<string, DrivewayFunction>()
    for (const name of functionNames) {
      const plan = functionPlans[name]
      const fn = new DrivewayFunction(this, plan.id, {
        name,
        code: codeOf(name),
        key,
        settings,
        timeout: Duration.seconds(plan.timeoutSeconds),
        memoryMiB: plan.memoryMiB,
        concurrency: plan.concurrency === undefined ? 0 : settings[plan.concurrency],
        description: plan.description,
      })
      permissions[name](fn, resources)
      functions.set(name, fn)
    }
    return (name: string): DrivewayFunction => {
      const fn = functions.get(name)
      if (fn === undefined) throw new Error(`There is no function ${name}.`)
      return fn
    }
  }

  #scheduleAll(functionOf: (name: string) => DrivewayFunction, settings: Settings): void {
    this.#schedule('Sweep', functionOf('sweep-transfers'), Duration.minutes(5))
    this.#schedule('KeepAlive', functionOf('keep-alive'), Duration.hours(1))
    this.#schedule('PackGrants', functionOf('pack-grants'), Duration.hours(1))
    this.#schedule('EraseUsers', functionOf('erase-users'), Duration.minutes(5))
    if (settings.changesWithinMinutes > 0)
      this.#schedule('FollowDrives', functionOf('follow-drives'), Duration.minutes(1))
  }

  #schedule(id: string, target: DrivewayFunction, every: Duration): void {
    new Rule(this, `${id}Schedule`, {
      description: `Starts ${target.functionName}.`,
      schedule: Schedule.rate(every),
      targets: [new LambdaFunction(target.lambda, { retryAttempts: 2, maxEventAge: Duration.hours(1) })],
    })
  }

  #addOutputs(api: Api, identity: Identity, intake: Intake, alarms: Alarms): void {
    const registrars = oauthProviderIds.map((id) => oauth2Of(id).registrar)
    new CfnOutput(this, 'ApiUrl', { value: api.publicUrl, description: 'Where clients reach the API.' })
    new CfnOutput(this, 'RedirectUri', {
      value: `${api.publicUrl}/v1/oauth/callback`,
      description: `What to enter as the redirect URI at ${registrars.join(' and ')}.`,
    })
    new CfnOutput(this, 'Issuer', {
      value: identity.issuer,
      description: 'Who the callers’ tokens are from.',
    })
    if (identity.userPool !== undefined && identity.clientId !== undefined) {
      new CfnOutput(this, 'UserPoolId', { value: identity.userPool.userPoolId })
      new CfnOutput(this, 'UserPoolClientId', { value: identity.clientId })
    }
    if (identity.tokenUrl !== undefined)
      new CfnOutput(this, 'TokenUrl', {
        value: identity.tokenUrl,
        description: 'Where the app’s servers get their tokens, by client credentials.',
      })
    new CfnOutput(this, 'DeadLetterQueueUrl', { value: intake.deadLetters.queueUrl })
    new CfnOutput(this, 'AlarmTopicArn', { value: alarms.topic.topicArn })
  }
}
