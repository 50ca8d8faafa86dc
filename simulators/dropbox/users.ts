import type { Exchange } from '../kernel/exchange.ts'
import * as args from './files/arguments.ts'
import { openCall } from './files/call.ts'
import { usage } from './files/commit.ts'
import { revokeToken } from './oauth/grants.ts'
import type { DropboxState } from './state.ts'

const ACCOUNT = 'account_info.read'

/** `users/get_current_account` */
export async function currentAccount(state: DropboxState, x: Exchange): Promise<void> {
  const { folder } = await openCall(state, x, 'rpc', ACCOUNT, args.none)
  const { email, accountId, team } = folder.account
  const [local = email] = email.split('@')
  const given = local.charAt(0).toUpperCase() + local.slice(1)
  const namespace = accountId.replaceAll(/\D/g, '').padEnd(7, '0')
  await x.json(200, {
    account_id: accountId,
    name: {
      given_name: given,
      surname: '',
      familiar_name: given,
      display_name: given,
      abbreviated_name: given.slice(0, 1),
    },
    email,
    email_verified: true,
    disabled: false,
    country: 'DE',
    locale: 'en',
    referral_link: 'https://www.dropbox.com/referrals/simulated',
    is_paired: false,
    account_type: { '.tag': team ? 'business' : 'basic' },
    root_info: { '.tag': 'user', root_namespace_id: namespace, home_namespace_id: namespace },
  })
}

/** `users/get_space_usage`: a member of a team shares its space. */
export async function spaceUsage(state: DropboxState, x: Exchange): Promise<void> {
  const { folder } = await openCall(state, x, 'rpc', ACCOUNT, args.none)
  const { email, limitBytes, team } = folder.account
  const used = usage(state, email)
  const allocation = team
    ? {
        '.tag': 'team',
        used,
        allocated: limitBytes,
        user_within_team_space_allocated: 0,
        user_within_team_space_limit_type: { '.tag': 'off' },
        user_within_team_space_used_cached: used,
      }
    : { '.tag': 'individual', allocated: limitBytes }
  await x.json(200, { used, allocation })
}

/** `auth/token/revoke`: ends the token of the call, the refresh token behind it, and what that has given. */
export async function revoke(state: DropboxState, x: Exchange): Promise<void> {
  const { token } = await openCall(state, x, 'rpc', undefined, args.none)
  revokeToken(state, token)
  await x.json(200, null)
}
