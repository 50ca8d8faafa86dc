const SIGN_IN = new Set(['openid', 'profile', 'email', 'offline_access'])
const GRAPH = /^https:\/\/graph\.microsoft\.com\/+/iu
const NAME = /^(?:[A-Z]+(?:\.[A-Z]+)+|\.default)$/iu

/**
 * Splits a `scope` parameter; Graph scopes lose their resource
 * prefix. Undefined when one of them cannot be a scope.
 */
export function parseScopes(text: string): string[] | undefined {
  const scopes = text
    .split(/\s+/u)
    .filter((scope) => scope !== '')
    .map((scope) => (SIGN_IN.has(scope.toLowerCase()) ? scope.toLowerCase() : scope.replace(GRAPH, '')))
  return scopes.every((scope) => SIGN_IN.has(scope) || NAME.test(scope)) ? [...new Set(scopes)] : undefined
}

export function includesScope(scopes: string[], scope: string): boolean {
  return scopes.some((each) => each.toLowerCase() === scope.toLowerCase())
}

/**
 * The scopes that are asked for and granted; undefined when something was not granted. `.default` means all.
 */
export function narrow(granted: string[], asked: string[]): string[] | undefined {
  if (asked.length === 0 || asked.includes('.default')) return granted
  if (!asked.every((scope) => SIGN_IN.has(scope) || includesScope(granted, scope))) return undefined
  // Sign-in scopes stay with the grant whether they are repeated or not.
  return granted.filter((scope) => SIGN_IN.has(scope) || includesScope(asked, scope))
}

/** The `scope` member of a token answer: Graph scopes first, and never offline_access. */
export function scopeText(scopes: string[]): string {
  return scopes
    .filter((scope) => scope !== 'offline_access')
    .sort((a, b) => Number(SIGN_IN.has(a)) - Number(SIGN_IN.has(b)))
    .join(' ')
}

/** `.default` asks for what the app was registered with, which here is the profile and all files. */
export function expandDefault(scopes: string[]): string[] {
  return scopes.flatMap((scope) => (scope === '.default' ? ['User.Read', 'Files.ReadWrite.All'] : [scope]))
}
