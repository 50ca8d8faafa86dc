import { Duration, Stack, Validations } from 'aws-cdk-lib'
import {
  AccessLogField,
  AccessLogFormat,
  AuthorizationType,
  EndpointType,
  LambdaIntegration,
  LogGroupLogDestination,
  MethodLoggingLevel,
  ResponseTransferMode,
  RestApi,
  TokenAuthorizer,
} from 'aws-cdk-lib/aws-apigateway'
import type { Key } from 'aws-cdk-lib/aws-kms'
import { LogGroup } from 'aws-cdk-lib/aws-logs'
import { CfnSamplingRule } from 'aws-cdk-lib/aws-xray'
import { RemovalPolicy } from 'aws-cdk-lib'
import { Construct } from 'constructs'
import type { Route } from '../../lib/contract/route.ts'
import { servedRoutes } from '../../lib/contract/routes.ts'
import type { Settings } from '../settings.ts'
import type { DrivewayFunction } from './function.ts'
import { addGatewayResponses } from './gateway-responses.ts'
import { refuseOtherMethods } from './other-methods.ts'
import { addPreflight } from './preflight.ts'

/** API Gateway's own longest wait for a whole answer; streamed answers may take longer. */
export const gatewayWait = Duration.seconds(29)
const stageName = 'api'
/** Of all requests, and of all runs of functions. */
const tracedShare = 0.01

export interface ApiProps {
  readonly settings: Settings
  readonly key: Key
}

/**
 * The REST API, its stage and its log. Routes come with `serve`,
 * since functions need the API's address first.
 */
export class Api extends Construct {
  readonly rest: RestApi
  /** Where clients and providers reach the API, without a trailing slash. */
  readonly publicUrl: string
  readonly #settings: Settings

  constructor(scope: Construct, id: string, { settings, key }: ApiProps) {
    super(scope, id)
    this.#settings = settings
    const logGroup = new LogGroup(this, 'AccessLog', {
      logGroupName: `/driveway/${settings.stage}/api-access`,
      retention: settings.logRetentionDays,
      encryptionKey: key,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    this.rest = new RestApi(this, 'Rest', {
      restApiName: `driveway-${settings.stage}`,
      description: 'Storage for document apps in the user’s own cloud.',
      endpointTypes: [EndpointType.REGIONAL],
      // Every body arrives as the bytes that were sent.
      binaryMediaTypes: ['*/*'],
      disableExecuteApiEndpoint: settings.domainName !== undefined,
      cloudWatchRole: true,
      // The role is the account's, not the stage's: another stage may depend on it.
      cloudWatchRoleRemovalPolicy: RemovalPolicy.RETAIN,
      deployOptions: {
        stageName,
        throttlingRateLimit: settings.throttleRate,
        throttlingBurstLimit: settings.throttleBurst,
        tracingEnabled: true,
        // By method they would be some hundred paid metrics; those of the stage are free.
        metricsEnabled: false,
        // Execution logs would hold query strings, and with them authorization codes.
        loggingLevel: MethodLoggingLevel.OFF,
        dataTraceEnabled: false,
        accessLogDestination: new LogGroupLogDestination(logGroup),
        accessLogFormat: accessLogFormat(),
      },
    })
    this.#sampleTraces()
    const { region, urlSuffix } = Stack.of(this)
    this.publicUrl =
      settings.domainName === undefined
        ? `https://${this.rest.restApiId}.execute-api.${region}.${urlSuffix}/${stageName}`
        : `https://${settings.domainName}`
    this.#explain()
  }

  /**
   * Without a rule the first request of each second is traced, which is all of them where there are few.
   * https://docs.aws.amazon.com/xray/latest/devguide/xray-console-sampling.html
   */
  #sampleTraces(): void {
    const any = { host: '*', httpMethod: '*', urlPath: '*', resourceArn: '*', serviceType: '*' }
    const ruleName = `driveway-${this.#settings.stage}`
    const rate = { ruleName, fixedRate: tracedShare, reservoirSize: 0, priority: 1_000, version: 1 }
    new CfnSamplingRule(this, 'Traces', { samplingRule: { ...rate, ...any, serviceName: `${ruleName}*` } })
  }

  /**
   * Every route of the contract, each with its own function;
   * `authorizer` verifies the tokens of all but the public ones.
   */
  serve(
    functionOf: (name: string) => DrivewayFunction,
    authorizer: DrivewayFunction,
    corsOrigins: readonly string[],
  ): void {
    const tokens = new TokenAuthorizer(this, 'Authorizer', {
      handler: authorizer.lambda,
      authorizerName: 'jwt',
      // Anything that is no bearer token is refused without calling the function.
      validationRegex: '^[Bb]earer [A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+$',
      // A token that ends meanwhile is taken for at most this much longer.
      resultsCacheTtl: Duration.minutes(1),
    })
    const methodsByPath = new Map<string, string[]>()
    for (const route of servedRoutes) {
      const resource = this.rest.root.resourceForPath(route.path)
      for (const method of route.methods) {
        const access =
          route.access === 'public'
            ? { authorizationType: AuthorizationType.NONE }
            : { authorizationType: AuthorizationType.CUSTOM, authorizer: tokens }
        const added = resource.addMethod(
          method,
          this.#integration(route, functionOf(route.functionName)),
          access,
        )
        explainMethod(added, route)
      }
      methodsByPath.set(route.path, [...(methodsByPath.get(route.path) ?? []), ...route.methods])
    }
    const cors = corsOrigins.length > 0
    for (const [path, methods] of methodsByPath) {
      const resource = this.rest.root.resourceForPath(path)
      if (cors) addPreflight(resource, methods, corsOrigins)
      refuseOtherMethods(resource, methods, cors)
    }
    addGatewayResponses(this.rest, cors)
  }

  #integration(route: Route, target: DrivewayFunction): LambdaIntegration {
    return new LambdaIntegration(target.lambda, {
      proxy: true,
      allowTestInvoke: false,
      ...(route.streaming === true
        ? { responseTransferMode: ResponseTransferMode.STREAM, timeout: Duration.minutes(15) }
        : { timeout: gatewayWait }),
    })
  }

  #explain(): void {
    Validations.of(this.rest).acknowledge(
      {
        id: 'AwsSolutions-APIG2',
        reason:
          'Each function checks its request against the contract’s schema, and names the field that does not fit.',
      },
      {
        id: 'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]',
        reason:
          'The one role that API Gateway takes for an account’s logs; this policy is made for it by AWS.',
      },
    )
    Validations.of(this.rest.deploymentStage).acknowledge(
      {
        id: 'AwsSolutions-APIG6',
        reason:
          'Execution logs would hold query strings, and with them authorization codes. Access logs are on.',
      },
      ...(this.#settings.waf
        ? []
        : [
            {
              id: 'AwsSolutions-APIG3',
              reason: 'The firewall is a setting, since it costs by the month: waf.',
            },
          ]),
    )
  }
}

/** Who asked for what and how it went: no header, no query string, no document id. */
function accessLogFormat(): AccessLogFormat {
  return AccessLogFormat.custom(
    JSON.stringify({
      requestId: AccessLogField.contextRequestId(),
      time: AccessLogField.contextRequestTime(),
      method: AccessLogField.contextHttpMethod(),
      route: AccessLogField.contextResourcePath(),
      status: AccessLogField.contextStatus(),
      responseBytes: AccessLogField.contextResponseLength(),
      latencyMs: AccessLogField.contextResponseLatency(),
      integrationLatencyMs: AccessLogField.contextIntegrationLatency(),
      authorizerStatus: AccessLogField.contextAuthorizerStatus(),
      errorType: AccessLogField.contextErrorResponseType(),
      sourceIp: AccessLogField.contextIdentitySourceIp(),
      traceId: AccessLogField.contextXrayTraceId(),
    }),
  )
}

function explainMethod(method: Construct, route: Route): void {
  if (route.access === 'public') {
    Validations.of(method).acknowledge({
      id: 'AwsSolutions-APIG4',
      reason: `${route.path} has no user: a browser on its way through a connection carries a one-time state, and the API’s description is for everybody.`,
    })
  }
  Validations.of(method).acknowledge({
    id: 'AwsSolutions-COG4',
    reason: 'Tokens of any OIDC issuer are verified by our own authorizer; Cognito is only one of them.',
  })
}
