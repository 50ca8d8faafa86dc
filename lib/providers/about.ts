/**
 * What is known of a provider without calling it: words and facts as data. About files import types only, so
 * that the console, the CLI and the stack may read them without loading a provider's code.
 */
export interface ProviderAbout {
  /** In rows, URLs and events: never changes. */
  readonly id: string
  readonly name: string
  readonly console: ConsoleWords
  readonly grant: GrantAbout
  /** The hash that proves content there; `late`: it may be missing for some minutes after the last byte. */
  readonly hash?: { readonly algorithm: string; readonly late: boolean }
  /** Environment variables of this provider alone. */
  readonly settings: Readonly<Record<string, SettingAbout>>
  /** Its drivers have `changes`. */
  readonly tellsChanges?: true
  readonly simulator?: SimulatorAbout
}

export interface ConsoleWords {
  /** Under the name on the tile. */
  readonly pitch: string
  /** What becomes of a deleted document there. */
  readonly afterDelete: string
  /** SVG path data on a 24 by 24 grid; a plain drawing, no trademark. */
  readonly icon: string
  /**
   * Hue of the icon as OKLCH counts it, 0 to 360 (red 29, yellow 110, green 142, blue 264): all shades follow
   * from it.
   */
  readonly hue: number
  /** What stands in place of an account's address where there is none. */
  readonly noAccount: string
  /** A user can connect it once only: it is the deployment's own storage. */
  readonly once?: true
}

export interface SettingAbout {
  readonly means: string
  /** A deployment chooses its value, under the same name in camel case. */
  readonly chosen?: { readonly default: string; readonly pattern: RegExp; readonly mustBe: string }
}

/** The provider's simulator on the local stack. */
export interface SimulatorAbout {
  /** Its line in `simulators/registry.ts`, and its folder there. */
  readonly name: string
  /** What it answers as, for people. */
  readonly plays: string
  /** Its port is the console's plus this. */
  readonly portOffset: number
  /** The variable that sends every call of this provider to another origin. */
  readonly endpointSetting: string
  /** Variables that name a real OAuth client; with both set the simulator does not start. */
  readonly clientSettings?: { readonly id: string; readonly secret: string }
}

export type GrantAbout = OAuth2About | PasswordAbout | { readonly kind: 'none' }

export interface OAuth2About {
  readonly kind: 'oauth2'
  /** Secrets Manager: `{prefix}/{clientSecretName}` holds this deployment's OAuth client. */
  readonly clientSecretName: string
  /** Whose OAuth client it is, for the person who registers it. */
  readonly registrar: string
  readonly clientId: { readonly pattern: RegExp; readonly looksLike: string }
  /** What people take for the client's secret there, and what to take instead; one sentence. */
  readonly clientSecretHint?: string
  /** Asked for in the consent. */
  readonly scopes: readonly string[]
  /**
   * `kept`: the first refresh token stays. `rotated`: each refresh gives a new one, the old one lives on for
   * a while. `single use`: the old one dies at once.
   */
  readonly refreshTokens: 'kept' | 'rotated' | 'single use'
  /** The grant dies after so many days without use; absent where it has no end. */
  readonly idleDays?: number
  /** The keep-alive uses it after so many days: early enough for weeks of failed runs. */
  readonly keepAliveDays: number
  /**
   * What a revocation ends: every grant of the account to this app, the one token, or nothing, since there is
   * none.
   */
  readonly revokes: 'all grants' | 'this grant' | 'nothing'
  /** Codes at the end of a consent that mean: not this user, but an administrator of theirs has to agree. */
  readonly administratorCodes: readonly string[]
  /** Where a user takes the grant back by hand. */
  readonly manageUrl: string
  /** The token endpoint under these settings. */
  tokenUrl(settings: Settings): string
}

/**
 * A server address and an app password, asked for on a page of ours that stands where a provider's consent
 * page would.
 */
export interface PasswordAbout {
  readonly kind: 'password'
  /** Absent: the user is asked. */
  readonly serverUrl?: string
  /** How to get an app password, one sentence for the user. */
  readonly howTo: string
}

/** Values of environment variables by name. */
export type Settings = Readonly<Record<string, string | undefined>>
