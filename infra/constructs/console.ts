import { existsSync } from 'node:fs'
import { CfnOutput, DefaultStackSynthesizer, Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib'
import {
  CachePolicy,
  Distribution,
  HeadersFrameOption,
  HeadersReferrerPolicy,
  HttpVersion,
  PriceClass,
  ResponseHeadersPolicy,
  ViewerProtocolPolicy,
} from 'aws-cdk-lib/aws-cloudfront'
import { S3BucketOrigin } from 'aws-cdk-lib/aws-cloudfront-origins'
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership } from 'aws-cdk-lib/aws-s3'
import type { IBucket } from 'aws-cdk-lib/aws-s3'
import { BucketDeployment, CacheControl, Source } from 'aws-cdk-lib/aws-s3-deployment'
import { Construct } from 'constructs'
import type { Settings } from '../settings.ts'
import { explainWildcard } from './explain.ts'

const builtConsole = 'web/dist'

/** Where the built console lies; undefined when it was not built: then the stack has none. */
export function consoleFolder(): string | undefined {
  return existsSync(`${builtConsole}/index.html`) ? builtConsole : undefined
}

/** What `web/src/settings.ts` reads. */
export interface ConsoleSettings {
  readonly apiUrl: string
  readonly issuer: string
  /** The public OIDC client that people sign in with. */
  readonly clientId: string
  /** What can be connected. */
  readonly offeredProviders: readonly string[]
}

/** The web console: static files in a private bucket behind CloudFront. */
export class Console extends Construct {
  /** `https://…`, without a trailing slash. */
  readonly origin: string
  readonly #bucket: IBucket
  readonly #distribution: Distribution

  constructor(scope: Construct, id: string, settings: Settings, connectTo: readonly string[]) {
    super(scope, id)
    const files = new Bucket(this, 'Files', {
      // Public files: a key of our own would only stand between CloudFront and them.
      encryption: BucketEncryption.S3_MANAGED,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    // CDK's own declarations do not hold under exactOptionalPropertyTypes: a Bucket is an IBucket.
    this.#bucket = files as unknown as IBucket
    this.#distribution = new Distribution(this, 'Distribution', {
      comment: `driveway ${settings.stage} console`,
      defaultRootObject: 'index.html',
      httpVersion: HttpVersion.HTTP2_AND_3,
      priceClass: PriceClass.PRICE_CLASS_100,
      defaultBehavior: {
        origin: S3BucketOrigin.withOriginAccessControl(this.#bucket),
        viewerProtocolPolicy: ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
        cachePolicy: CachePolicy.CACHING_OPTIMIZED,
        responseHeadersPolicy: this.#headers(settings, connectTo),
      },
      errorResponses: [
        {
          httpStatus: 403,
          responseHttpStatus: 200,
          responsePagePath: '/index.html',
          ttl: Duration.minutes(1),
        },
      ],
    })
    this.origin = `https://${this.#distribution.distributionDomainName}`
    this.#explain()
    new CfnOutput(this, 'Address', { value: this.origin, description: 'The web console.' })
  }

  /**
   * Copies the built files, and with them `settings.json`: what the console has to know of this deployment.
   */
  publish(folder: string, settings: ConsoleSettings): void {
    const deployment = new BucketDeployment(this, 'Publish', {
      destinationBucket: this.#bucket,
      sources: [Source.asset(folder), Source.jsonData('settings.json', settings)],
      // The address of a file stays the same from one version to the
      // next: browsers ask whether theirs is current.
      cacheControl: [CacheControl.noCache()],
      distribution: this.#distribution,
      prune: true,
    })
    this.#explainCopier(deployment)
  }

  /** CDK's own copier of static files runs while deploying only. */
  #explainCopier(deployment: BucketDeployment): void {
    const { partition, account, region, node } = Stack.of(this)
    const copier = node.children.find((child) => child.node.id.startsWith('Custom::CDKBucketDeployment'))
    if (!(copier instanceof Construct)) throw new TypeError('The console has no copier.')
    const reason =
      'CDK’s own copier of static files: it runs while deploying only, from CDK’s assets to this bucket.'
    const actions = ['s3:GetBucket*', 's3:GetObject*', 's3:List*', 's3:Abort*', 's3:DeleteObject*']
    const assets = `arn:${partition}:s3:::cdk-${DefaultStackSynthesizer.DEFAULT_QUALIFIER}-assets-${account}-${region}/*`
    for (const resource of [`${this.#bucket.bucketArn}/*`, assets, '*'])
      explainWildcard(copier, resource, reason)
    Validations.of(copier).acknowledge(
      ...actions.map((action) => ({ id: `AwsSolutions-IAM5[Action::${action}]`, reason })),
      { id: 'AwsSolutions-L1', reason },
      {
        id: 'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole]',
        reason,
      },
    )
    Validations.of(deployment).acknowledge({ id: 'AwsSolutions-L1', reason })
  }

  #headers(settings: Settings, connectTo: readonly string[]): ResponseHeadersPolicy {
    const csp = [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "img-src 'self'",
      `connect-src 'self' ${connectTo.join(' ')}`,
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
    ].join('; ')
    return new ResponseHeadersPolicy(this, 'Headers', {
      responseHeadersPolicyName: `driveway-${settings.stage}-${Stack.of(this).region}`,
      securityHeadersBehavior: {
        contentSecurityPolicy: { contentSecurityPolicy: csp, override: true },
        contentTypeOptions: { override: true },
        frameOptions: { frameOption: HeadersFrameOption.DENY, override: true },
        referrerPolicy: { referrerPolicy: HeadersReferrerPolicy.NO_REFERRER, override: true },
        strictTransportSecurity: {
          accessControlMaxAge: Duration.days(730),
          includeSubdomains: true,
          override: true,
        },
      },
    })
  }

  #explain(): void {
    Validations.of(this.#bucket).acknowledge({
      id: 'AwsSolutions-S1',
      reason:
        'Public files of the console; sign-in returns to it with a code in the query string, which a log would keep.',
    })
    Validations.of(this.#distribution).acknowledge(
      { id: 'AwsSolutions-CFR1', reason: 'The console is for users everywhere.' },
      {
        id: 'AwsSolutions-CFR2',
        reason: 'Static files: there is nothing behind them that a firewall could protect.',
      },
      {
        id: 'AwsSolutions-CFR3',
        reason: 'Sign-in returns to the console with a code in the query string, which a log would keep.',
      },
      {
        id: 'AwsSolutions-CFR4',
        reason:
          'CloudFront’s own domain name comes with its own certificate, whose protocols cannot be chosen.',
      },
    )
  }
}
