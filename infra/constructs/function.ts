import type { Duration } from 'aws-cdk-lib'
import { RemovalPolicy } from 'aws-cdk-lib'
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import type { IKey } from 'aws-cdk-lib/aws-kms'
import type { Code } from 'aws-cdk-lib/aws-lambda'
import { Architecture, Function as LambdaFunction, Runtime, Tracing } from 'aws-cdk-lib/aws-lambda'
import { LogGroup } from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'
import { handlerSetting } from '../functions.ts'
import type { Settings } from '../settings.ts'
import { explainWildcard } from './explain.ts'
import type { Resource } from './resource.ts'

export interface DrivewayFunctionProps {
  /** The file under `functions/`, without its ending. */
  readonly name: string
  readonly code: Code
  readonly key: IKey
  readonly settings: Settings
  readonly timeout: Duration
  readonly memoryMiB: number
  /** Of the account's concurrency, kept for this function and its ceiling; 0 for a share of what is left. */
  readonly concurrency: number
  readonly description: string
}

/**
 * One Lambda with a role of its own that may write its log and its
 * traces, and nothing else until `uses` says so.
 */
export class DrivewayFunction extends Construct {
  readonly lambda: LambdaFunction
  readonly functionName: string
  readonly #role: Role

  constructor(scope: Construct, id: string, props: DrivewayFunctionProps) {
    super(scope, id)
    const { settings } = props
    this.functionName = props.name
    const fullName = `driveway-${settings.stage}-${props.name}`
    const logGroup = new LogGroup(this, 'Log', {
      logGroupName: `/aws/lambda/${fullName}`,
      retention: settings.logRetentionDays,
      encryptionKey: props.key,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    this.#role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      description: `What ${fullName} may do.`,
    })
    this.#role.addToPolicy(
      new PolicyStatement({
        actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        resources: [`${logGroup.logGroupArn}:log-stream:*`],
      }),
    )
    this.lambda = new LambdaFunction(this, 'Function', {
      functionName: fullName,
      description: props.description,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      handler: handlerSetting,
      code: props.code,
      role: this.#role,
      timeout: props.timeout,
      memorySize: props.memoryMiB,
      ...(props.concurrency === 0 ? {} : { reservedConcurrentExecutions: props.concurrency }),
      logGroup,
      tracing: Tracing.ACTIVE,
      environment: { STAGE: settings.stage, LOG_LEVEL: settings.logLevel },
    })
    explainWildcard(
      this,
      `${logGroup.logGroupArn}:log-stream:*`,
      'Lambda names the streams of the function’s own log.',
    )
    explainWildcard(this, '*', 'X-Ray’s two write actions know no resources.')
  }

  /** Gives the function a resource: the variables that name it and the permissions behind them, together. */
  uses<Access extends string>(resource: Resource<Access>, ...access: readonly Access[]): this {
    for (const [name, value] of Object.entries(resource.environment)) this.lambda.addEnvironment(name, value)
    for (const statement of resource.statements(access)) this.#role.addToPolicy(statement)
    for (const [name, reason] of Object.entries(resource.wildcards ?? {})) explainWildcard(this, name, reason)
    return this
  }
}
