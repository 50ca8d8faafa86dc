import * as z from 'zod/mini'
import type { Secret } from '../secret.ts'
import { secret } from '../secret.ts'
import type { NewGrant, PasswordCredentials, TokenSet } from './grant.ts'

const text = z.string().check(z.minLength(1))

/** An app password as it stands in sealed values. */
const passwordBody = z.object({
  kind: z.literal('password'),
  serverUrl: text,
  userName: text,
  password: text,
})

const tokensBody = z.object({
  accessToken: z.string(),
  expiresInSeconds: z.number(),
  refreshToken: z.optional(z.string()),
  idToken: z.optional(z.string()),
  scopes: z.array(z.string()),
  grantEndsInSeconds: z.optional(z.number()),
})

/** A new grant as one text, to be sealed between two steps of connecting. */
export function packGrant(grant: NewGrant): Secret {
  return grant.kind === 'password' ? packPassword(grant.credentials) : packTokens(grant.tokens)
}

/** What `packGrant` has packed. */
export function unpackGrant(packed: Secret): NewGrant {
  const value: unknown = JSON.parse(packed.reveal())
  const password = passwordBody.safeParse(value)
  if (password.success) return { kind: 'password', credentials: unpackPassword(packed) }
  const { accessToken, refreshToken, idToken, grantEndsInSeconds, ...rest } = tokensBody.parse(value)
  return {
    kind: 'oauth2',
    tokens: {
      ...rest,
      accessToken: secret(accessToken),
      ...(refreshToken === undefined ? {} : { refreshToken: secret(refreshToken) }),
      ...(idToken === undefined ? {} : { idToken: secret(idToken) }),
      ...(grantEndsInSeconds === undefined ? {} : { grantEndsInSeconds }),
    },
  }
}

export function packPassword({ serverUrl, userName, password }: PasswordCredentials): Secret {
  return secret(JSON.stringify({ kind: 'password', serverUrl, userName, password: password.reveal() }))
}

/** What `packPassword` has packed. */
export function unpackPassword(packed: Secret): PasswordCredentials {
  const { serverUrl, userName, password } = passwordBody.parse(JSON.parse(packed.reveal()))
  return { serverUrl, userName, password: secret(password) }
}

function packTokens({ accessToken, refreshToken, idToken, ...rest }: TokenSet): Secret {
  const revealed = {
    accessToken: accessToken.reveal(),
    refreshToken: refreshToken?.reveal(),
    idToken: idToken?.reveal(),
  }
  return secret(JSON.stringify({ ...revealed, ...rest }))
}
