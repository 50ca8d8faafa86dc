import { Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib'
import { AccountRecovery, Mfa, OAuthScope, UserPool, UserPoolClient } from 'aws-cdk-lib/aws-cognito'
import { Construct } from 'constructs'
import type { Settings } from '../settings.ts'
import type { Environment } from './resource.ts'

export interface IdentityProps {
  readonly settings: Settings
  /** Where sign-in may return to, beside the settings' own. */
  readonly signInUrls: readonly string[]
}

/** Who vouches for callers: the issuer of the settings, or a Cognito user pool of this deployment. */
export class Identity extends Construct {
  /** What the authorizer has to know. */
  readonly environment: Environment
  readonly issuer: string
  /** The public client of the user pool that the console and the command line sign in with. */
  readonly clientId: string | undefined
  readonly userPool: UserPool | undefined

  constructor(scope: Construct, id: string, { settings, signInUrls }: IdentityProps) {
    super(scope, id)
    if (settings.issuer !== undefined) {
      this.issuer = settings.issuer
      this.environment = {
        OIDC_ISSUER: settings.issuer,
        OIDC_AUDIENCE: settings.audience.join(','),
        ...(settings.jwksUri === undefined ? {} : { OIDC_JWKS_URI: settings.jwksUri }),
      }
      return
    }
    const pool = this.#addPool(settings)
    const client = this.#addClient(pool, settings, [...settings.signInUrls, ...signInUrls])
    const { account, region, urlSuffix } = Stack.of(this)
    const prefix = `driveway-${settings.stage}-${account}`
    pool.addDomain('SignIn', { cognitoDomain: { domainPrefix: prefix } })
    this.userPool = pool
    this.clientId = client.userPoolClientId
    this.issuer = `https://cognito-idp.${region}.${urlSuffix}/${pool.userPoolId}`
    this.environment = { OIDC_ISSUER: this.issuer, OIDC_AUDIENCE: this.clientId }
  }

  #addPool(settings: Settings): UserPool {
    const pool = new UserPool(this, 'UserPool', {
      userPoolName: `driveway-${settings.stage}`,
      selfSignUpEnabled: settings.selfSignUp,
      signInAliases: { email: true },
      autoVerify: { email: true },
      accountRecovery: AccountRecovery.EMAIL_ONLY,
      mfa: Mfa.OPTIONAL,
      mfaSecondFactor: { sms: false, otp: true },
      passwordPolicy: {
        minLength: 12,
        requireLowercase: true,
        requireUppercase: true,
        requireDigits: true,
        requireSymbols: true,
        tempPasswordValidity: Duration.days(3),
      },
      deletionProtection: settings.retain,
      removalPolicy: settings.retain ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    })
    Validations.of(pool).acknowledge(
      {
        id: 'AwsSolutions-COG2',
        reason:
          'A second factor is offered and left to the user: the pool is a start, and an own issuer replaces it.',
      },
      {
        id: 'AwsSolutions-COG8',
        reason:
          'Threat protection is on the Plus plan only, which costs by user; it can be switched on in the pool.',
      },
    )
    return pool
  }

  #addClient(pool: UserPool, settings: Settings, returnUrls: readonly string[]): UserPoolClient {
    return new UserPoolClient(this, 'Client', {
      userPool: pool,
      userPoolClientName: `driveway-${settings.stage}`,
      generateSecret: false,
      preventUserExistenceErrors: true,
      enableTokenRevocation: true,
      // adminUserPassword needs AWS credentials: it is how
      // docs/deploy.md gets a first token on the command line.
      authFlows: { userSrp: true, adminUserPassword: true },
      accessTokenValidity: Duration.hours(1),
      idTokenValidity: Duration.hours(1),
      refreshTokenValidity: Duration.days(30),
      ...(returnUrls.length === 0
        ? { disableOAuth: true }
        : {
            oAuth: {
              flows: { authorizationCodeGrant: true },
              scopes: [OAuthScope.OPENID, OAuthScope.EMAIL],
              callbackUrls: [...returnUrls],
              logoutUrls: [...returnUrls],
            },
          }),
    })
  }
}
