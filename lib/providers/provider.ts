import type { Clock } from '../clock.ts'
import type { ClientSource, Credentials, Grant } from '../grants/grant.ts'
import type { ConnectionId } from '../ids.ts'
import type { SendRequest } from '../net/http-client.ts'
import type { ObserveCall } from '../net/provider-http.ts'
import type { TokenSource } from '../net/token-source.ts'
import type { HashState } from '../storage/bytes.ts'
import type { Driver } from '../storage/driver.ts'
import type { GrantAbout, ProviderAbout, Settings } from './about.ts'

type ByKind<Union extends { readonly kind: GrantAbout['kind'] }> = {
  readonly [Kind in GrantAbout['kind']]: Extract<Union, { readonly kind: Kind }>
}

/** What a provider's folder gives to the rest: `<id>/provider.ts` exports one as `provider`. */
export interface Provider<Kind extends GrantAbout['kind'] = GrantAbout['kind']> {
  readonly about: ProviderAbout & { readonly grant: { readonly kind: Kind } }
  /** Called once in a process. `client` reads this deployment's OAuth client; only consent asks for it. */
  grant(deps: ProviderDeps, client: ClientSource): ByKind<Grant>[Kind]
  /**
   * Called once in a process: what its connections share (an SDK's client, a pool of ids) lives in the
   * closure.
   */
  opener(deps: ProviderDeps): OpenDriver<Kind>
  /** Hashes that no other provider uses, from their start or from a state that `save` gave. */
  readonly hashes?: Readonly<Record<string, (saved?: Uint8Array) => HashState | Promise<HashState>>>
}

/** The storage of one connection. Makes no call. */
export type OpenDriver<Kind extends GrantAbout['kind']> = {
  // As a method, so that a provider of one kind of grant passes for a provider of any.
  open(connection: OpenedFor, credentials: ByKind<Credentials>[Kind]): Driver
}['open']

/** A connection as its provider sees it. */
export interface OpenedFor {
  readonly connectionId: ConnectionId
  readonly accountId?: string | undefined
  /** What the provider wants to know again about this connection; small words, no secrets. */
  readonly memo: Readonly<Record<string, string>>
  /** Adds to the memo. */
  remember(memo: Readonly<Record<string, string>>): Promise<void>
}

/** What a driver over HTTP is opened with. */
export interface DriveOptions
  extends Pick<ProviderDeps, 'clock'>, Partial<Pick<ProviderDeps, 'observe' | 'send'>> {
  readonly connectionId: ConnectionId
  readonly tokens: TokenSource
  /** One origin in place of the provider's (a simulator). */
  readonly endpoint?: string | undefined
}

/** What a provider is given of the process that it works in. */
export interface ProviderDeps {
  readonly clock: Clock
  readonly observe: ObserveCall
  /** Every request to the provider goes through it. */
  readonly send: SendRequest
  /** The values of the provider's own settings, and of those that all share. */
  readonly settings: Settings
}
