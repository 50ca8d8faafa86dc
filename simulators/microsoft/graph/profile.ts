import type { Exchange } from '../../kernel/exchange.ts'
import { selected } from '../drive/drive-item.ts'
import { graphError } from './errors.ts'
import { authenticate } from './call.ts'
import type { Context } from '../drive/records.ts'
import { includesScope } from '../identity/scopes.ts'
import { pairwiseSubject } from '../identity/tokens.ts'

/**
 * `GET /me`. `mail` is null on personal accounts, as it commonly
 * is. https://learn.microsoft.com/graph/api/user-get
 */
export async function getMe(context: Context, x: Exchange): Promise<void> {
  const { account, token } = authenticate(context, x)
  if (!token.scopes.some((scope) => /^User\.Read/iu.test(scope))) {
    throw graphError(403, 'Authorization_RequestDenied', 'Insufficient privileges to complete the operation.')
  }
  const body = {
    businessPhones: [],
    displayName: account.displayName,
    givenName: account.displayName,
    jobTitle: null,
    mail: account.kind === 'personal' ? null : account.email,
    mobilePhone: null,
    officeLocation: null,
    preferredLanguage: null,
    surname: null,
    userPrincipalName: account.email,
    id: account.kind === 'personal' ? account.driveId.toLowerCase() : account.oid,
  }
  const select = x.url.searchParams.get('$select')
  await x.json(200, {
    '@odata.context': `${x.origin}/v1.0/$metadata#users/$entity`,
    ...(select === null ? body : selected(body, select)),
  })
}

/** `GET /oidc/userinfo`. https://learn.microsoft.com/entra/identity-platform/userinfo */
export async function getUserinfo(context: Context, x: Exchange): Promise<void> {
  const { account, token } = authenticate(context, x)
  if (!includesScope(token.scopes, 'openid')) {
    throw graphError(403, 'Authorization_RequestDenied', 'The token lacks the openid scope.')
  }
  await x.json(200, {
    sub: pairwiseSubject(account, token.clientId),
    name: account.displayName,
    family_name: '',
    given_name: account.displayName,
    picture: `${x.origin}/v1.0/me/photo/$value`,
    ...(includesScope(token.scopes, 'email') ? { email: account.email } : {}),
  })
}
