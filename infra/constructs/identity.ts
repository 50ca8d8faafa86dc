import { Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib'
import {
  AccountRecovery,
  Mfa,
  OAuthScope,
  ResourceServerScope,
  UserPool,
  UserPoolClient,
} from 'aws-cdk-lib/aws-cognito'
import { Construct } from 'constructs'
import type { Scope } from '../../lib/contract/scopes.ts'
import { scopeOwner, scopes } from '../../lib/contract/scopes.ts'
import type { Settings } from '../settings.ts'
import type { Environment } from './resource.ts'

export interface IdentityProps {
  readonly settings: Settings
  /** Where sign-in may return to, beside the settings' own. */
  readonly signInUrls: readonly string[]
}

const machinesOf = (subjects: readonly string[]): Environment =>
  subjects.length === 0 ? {} : { OIDC_MACHINES: subjects.join(',') }

/** Who vouches for callers: the issuer of the settings, or a Cognito user pool of this deployment. */
export class Identity extends Construct {
  /** What the authorizer has to know. */
  readonly environment: Environment
  readonly issuer: string
  /** The public client of the user pool that the console and the command line sign in with. */
  readonly clientId: string | undefined
  readonly userPool: UserPool | undefined
  /** Where the user pool gives machines their tokens, when there are any. */
  readonly tokenUrl: string | undefined

  constructor(scope: Construct, id: string, { settings, signInUrls }: IdentityProps) {
    super(scope, id)
    if (settings.issuer !== undefined) {
      this.issuer = settings.issuer
      this.environment = {
        OIDC_ISSUER: settings.issuer,
        OIDC_AUDIENCE: settings.audience.join(','),
        ...machinesOf(settings.machineClients),
        ...(settings.jwksUri === undefined ? {} : { OIDC_JWKS_URI: settings.jwksUri }),
      }
      return
    }
    const pool = this.#addPool(settings)
    const client = this.#addClient(pool, settings, [...settings.signInUrls, ...signInUrls])
    const { account, region, urlSuffix } = Stack.of(this)
    const prefix = `driveway-${settings.stage}-${account}`
    pool.addDomain('SignIn', { cognitoDomain: { domainPrefix: prefix } })
    const machines = this.#addMachines(pool, settings)
    if (machines.length > 0) this.tokenUrl = `https://${prefix}.auth.${region}.amazoncognito.com/oauth2/token`
    this.userPool = pool
    this.clientId = client.userPoolClientId
    this.issuer = `https://cognito-idp.${region}.${urlSuffix}/${pool.userPoolId}`
    this.environment = {
      OIDC_ISSUER: this.issuer,
      OIDC_AUDIENCE: this.clientId,
      ...machinesOf(machines),
    }
  }

  /**
   * The app clients of the servers that act for users; answers their ids.
   * https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-define-resource-servers.html
   */
  #addMachines(pool: UserPool, { stage, machines }: Settings): string[] {
    const clients = Object.entries(machines)
    if (clients.length === 0) return []
    const offered = new Map(
      Object.entries(scopes).map(([scopeName, scopeDescription]) => [
        scopeName as Scope,
        new ResourceServerScope({ scopeName, scopeDescription }),
      ]),
    )
    const server = pool.addResourceServer('Scopes', {
      identifier: scopeOwner,
      userPoolResourceServerName: `driveway-${stage}`,
      scopes: [...offered.values()],
    })
    const oauthScopes = (granted: readonly Scope[]): OAuthScope[] =>
      [...offered].flatMap(([name, scope]) =>
        granted.includes(name) ? [OAuthScope.resourceServer(server, scope)] : [],
      )
    return clients.map(
      ([name, granted]) =>
        new UserPoolClient(this, `Machine-${name}`, {
          userPool: pool,
          userPoolClientName: `driveway-${stage}-${name}`,
          generateSecret: true,
          authFlows: {},
          accessTokenValidity: Duration.hours(1),
          oAuth: { flows: { clientCredentials: true }, scopes: oauthScopes(granted) },
        }).userPoolClientId,
    )
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
