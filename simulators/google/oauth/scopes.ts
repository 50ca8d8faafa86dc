const EMAIL = 'https://www.googleapis.com/auth/userinfo.email'
const PROFILE = 'https://www.googleapis.com/auth/userinfo.profile'
const AUTH = 'https://www.googleapis.com/auth/'

const ALIASES: Record<string, string> = { email: EMAIL, profile: PROFILE }
const KNOWN = new Set([
  'openid',
  EMAIL,
  PROFILE,
  ...[
    'drive',
    'drive.file',
    'drive.appdata',
    'drive.readonly',
    'drive.metadata',
    'drive.metadata.readonly',
  ].map((name) => AUTH + name),
  ...[
    'drive.photos.readonly',
    'drive.scripts',
    'drive.activity',
    'drive.activity.readonly',
    'drive.appfolder',
    'drive.install',
  ].map((name) => AUTH + name),
])

export const SCOPE = {
  openid: 'openid',
  email: EMAIL,
  profile: PROFILE,
  drive: `${AUTH}drive`,
  file: `${AUTH}drive.file`,
}

/** Splits a scope parameter and spells out `email` and `profile`, as they come back in answers. */
export function parseScopes(text: string): string[] {
  const names = text.split(/[\s,]+/).filter((name) => name !== '')
  return [...new Set(names.map((name) => ALIASES[name] ?? name))]
}

/** The scopes of a request that Google does not know. Scopes of other Google products pass. */
export function unknownScopes(scopes: string[]): string[] {
  return scopes.filter(
    (scope) =>
      !KNOWN.has(scope) && !/^https:\/\/(www\.googleapis\.com\/auth|mail\.google\.com)\//.test(scope),
  )
}

/**
 * Sign-in scopes stand on their own page, without checkboxes.
 * https://developers.google.com/identity/protocols/oauth2/resources/granular-permissions
 */
export function isSignIn(scope: string): boolean {
  return scope === 'openid' || scope === EMAIL || scope === PROFILE
}
