import { UserManager, WebStorageStateStore } from 'oidc-client-ts'
import type { User } from 'oidc-client-ts'
import type { TokenSource } from '../../client/src/request.ts'
import type { Settings } from './settings.ts'

/** Somebody who is signed in. */
export interface Session {
  readonly userName: string
  readonly token: TokenSource
  signOut(): Promise<void>
}

export interface SignIn {
  /** Undefined when nobody is signed in. */
  readonly session: Session | undefined
  /** Why the issuer sent the browser back without a session; undefined when it did not. */
  readonly refusal: string | undefined
  /** Leaves for the issuer's sign-in page, and comes back to where this page is now. */
  begin(): Promise<void>
}

/**
 * Opens the session of this tab: takes the browser back from the issuer when it comes from there.
 * Authorization code with PKCE; tokens live in the tab's session storage, since connecting a
 * drive leaves this page and comes back. `onEnd` is called when the session cannot be prolonged.
 */
export async function openSignIn(settings: Settings, onEnd: () => void): Promise<SignIn> {
  const home = `${location.origin}/`
  const manager = new UserManager({
    authority: settings.issuer,
    client_id: settings.clientId,
    scope: settings.scope,
    redirect_uri: home,
    post_logout_redirect_uri: home,
    userStore: new WebStorageStateStore({ store: sessionStorage }),
    stateStore: new WebStorageStateStore({ store: sessionStorage }),
    // Renewed when it is needed; the other way is a hidden frame, which our policy does not allow.
    automaticSilentRenew: false,
    extraQueryParams: settings.authorizeParameters,
  })
  const refusal = await takeBack(manager)
  const user = await manager.getUser()
  return {
    refusal,
    session: user === null ? undefined : sessionOf(manager, user, settings, onEnd),
    begin: () => manager.signinRedirect({ state: location.pathname }),
  }
}

async function takeBack(manager: UserManager): Promise<string | undefined> {
  const query = new URLSearchParams(location.search)
  if (!query.has('state') || (!query.has('code') && !query.has('error'))) return undefined
  try {
    const user = await manager.signinCallback()
    const path = typeof user?.state === 'string' && user.state.startsWith('/') ? user.state : '/'
    history.replaceState(null, '', path)
    return undefined
  } catch (error) {
    history.replaceState(null, '', '/')
    return error instanceof Error ? error.message : 'The sign-in did not succeed.'
  }
}

function sessionOf(manager: UserManager, user: User, settings: Settings, onEnd: () => void): Session {
  let renewal: Promise<User | null> | undefined
  const renew = async (current: User | null): Promise<User | null> => {
    if (current?.refresh_token === undefined) return null
    renewal ??= manager
      .signinSilent()
      .catch(() => null)
      .finally(() => {
        renewal = undefined
      })
    return renewal
  }
  return {
    userName: nameOf(user),
    async token({ refresh }) {
      const current = await manager.getUser()
      const usable = current !== null && current.expired !== true && !refresh ? current : await renew(current)
      if (usable !== null) return tokenOf(usable)
      onEnd()
      return current === null ? '' : tokenOf(current)
    },
    async signOut() {
      const endpoint = await manager.metadataService.getEndSessionEndpoint().catch(() => undefined)
      if (endpoint === undefined) {
        await manager.removeUser()
        location.assign('/')
        return
      }
      // Cognito wants names of its own:
      // https://docs.aws.amazon.com/cognito/latest/developerguide/logout-endpoint.html
      const extraQueryParams = { client_id: settings.clientId, logout_uri: `${location.origin}/` }
      await manager.signoutRedirect({ extraQueryParams })
    },
  }
}

/**
 * Some issuers give access tokens that only they can read; then the
 * id token is the one that our API can verify.
 */
function tokenOf(user: User): string {
  const readable = user.access_token.split('.').length === 3
  return readable || user.id_token === undefined ? user.access_token : user.id_token
}

function nameOf({ profile }: User): string {
  return profile.preferred_username ?? profile.email ?? profile.name ?? profile.sub
}
