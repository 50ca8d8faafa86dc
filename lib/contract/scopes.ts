/** What a machine may be allowed to do for users, and what each means to whoever grants it. */
export const scopes = {
  'documents.read': 'Read documents and their content.',
  'documents.write': 'Store, replace, rename and delete documents.',
  'connections.read': 'Read connections and check their health.',
  'connections.write': 'Connect, reconnect and disconnect drives.',
  webhooks: 'Register webhooks, and see what was sent to them.',
  'users.erase': 'Erase users, and export what is kept of them.',
} as const

export type Scope = keyof typeof scopes

/** The name under which an issuer knows this API. */
export const scopeOwner = 'driveway'

/** As tokens carry it. */
export const tokenScope = (scope: Scope): string => `${scopeOwner}/${scope}`

/** The header in which a machine names the user that it acts for: percent-encoded UTF-8. */
export const userHeader = 'driveway-user'
