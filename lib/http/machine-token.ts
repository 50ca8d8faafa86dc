import { ServiceError } from '../errors.ts'

/** A machine, as its token has it: who it is, and the scopes that the issuer has given it. */
export interface Machine {
  readonly client: string
  readonly scopes: readonly string[]
}

type Claims = Readonly<Record<string, unknown>>

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined

/** The client that a token was given to, by the names that issuers have for it. */
const clientOf = ({ client_id: id, azp, cid, appid }: Claims): string | undefined =>
  text(id) ?? text(azp) ?? text(cid) ?? text(appid)

/**
 * True for a token that a client got for itself, by any sign that an issuer gives: no user may be read from
 * its `sub`. https://www.rfc-editor.org/rfc/rfc9068#section-5
 */
function isOwn(claims: Claims, client: string | undefined): boolean {
  const { sub, gty, idtyp, preferred_username: name } = claims
  if (client === undefined) return false
  const own = sub === undefined || sub === client || sub === `${client}@clients`
  return own || gty === 'client-credentials' || idtyp === 'app' || name === `service-account-${client}`
}

/** `scope` is a text of OAuth, `scp` Okta's list, `roles` what Entra ID calls a client's own permissions. */
function scopesOf({ scope, scp, roles }: Claims): string[] {
  return [scope, scp, roles].flat().flatMap((each) => (typeof each === 'string' ? each.split(' ') : []))
}

/**
 * The machine that a verified token is of, undefined for a user's: one of `machines` by its `sub`, which the
 * issuer gives to nobody else, or by its client; with `*` any client that names itself in `sub`. Throws for
 * the own token of another client, which is no user.
 */
export function machineOf(claims: Claims, machines: readonly string[]): Machine | undefined {
  const client = clientOf(claims)
  const subject = claims['sub'] === undefined ? client : text(claims['sub'])
  if (subject === undefined) return undefined
  // A user may be called `*`. Without an audience only a client's name says that a token is for this API.
  const listed = subject !== '*' && machines.includes(subject)
  const any = machines.includes('*') && subject === client && claims['aud'] !== undefined
  if (listed || any) {
    if (claims['token_use'] === 'id' || claims['nonce'] !== undefined)
      throw new ServiceError('unauthorized', 'The token is not for this service: it is a sign-in’s.')
    return { client: subject, scopes: scopesOf(claims) }
  }
  if (isOwn(claims, client))
    throw new ServiceError(
      'unauthorized',
      'The token is not for this service: its client is no machine here.',
    )
  return undefined
}
