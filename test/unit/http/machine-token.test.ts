import { describe, expect, it } from 'vitest'
import { machineOf } from '../../../lib/http/machine-token.ts'

const scope = 'driveway/documents.read driveway/documents.write'
const scopes = ['driveway/documents.read', 'driveway/documents.write']

describe('a machine of this deployment', () => {
  it.each<[string, Readonly<Record<string, unknown>>, readonly string[]]>([
    ['Cognito', { sub: 'c1', client_id: 'c1', token_use: 'access', scope }, ['c1']],
    [
      'Auth0',
      { sub: 'c1@clients', azp: 'c1', gty: 'client-credentials', aud: 'ours', scope },
      ['c1@clients'],
    ],
    ['Okta', { sub: 'c1', cid: 'c1', aud: 'ours', scp: scopes }, ['other', 'c1']],
    ['Entra ID', { sub: 'o-1', azp: 'c1', idtyp: 'app', aud: 'ours', roles: scopes }, ['o-1']],
    [
      'Keycloak',
      { sub: 'u-1', azp: 'c1', preferred_username: 'service-account-c1', aud: 'ours', scope },
      ['u-1'],
    ],
    ['an issuer that gives no subject', { client_id: 'c1', aud: 'ours', scope }, ['c1']],
    ['any issuer of an open stack', { sub: 'c1', client_id: 'c1', aud: 'ours', scope }, ['*']],
  ])('is known by its token of %s', (_issuer, claims, machines) => {
    expect(machineOf(claims, machines)).toEqual({ client: claims['sub'] ?? 'c1', scopes })
    // Of another deployment's machine it is a client's own token, or a user's whom this one does not know.
    const stranger = () => machineOf(claims, ['c2'])
    expect(stranger).toThrow('no machine')
  })

  it('is none by the token of somebody who signed in with it', () => {
    expect(machineOf({ sub: 'alice', client_id: 'c1', aud: 'ours', scope }, ['c1', '*'])).toBeUndefined()
    expect(() => machineOf({ sub: 'c1', client_id: 'c1', token_use: 'id' }, ['c1'])).toThrow('sign-in')
    expect(() => machineOf({ sub: 'c1', azp: 'c1', aud: 'c1', nonce: 'n' }, ['c1'])).toThrow('sign-in')
  })

  it('is no user by the name of a machine, of a client or of every machine', () => {
    const user = { aud: 'ours', scope: 'openid' }
    expect(machineOf({ ...user, sub: '*' }, ['*'])).toBeUndefined()
    expect(machineOf({ ...user, sub: 'c1' }, ['*'])).toBeUndefined()
    expect(machineOf({ ...user, sub: '*', client_id: '*' }, ['c1', '*'])).toMatchObject({ client: '*' })
    // Without an audience an open stack cannot tell for which API it is.
    expect(() => machineOf({ sub: 'c1', client_id: 'c1', scope }, ['*'])).toThrow('no machine')
  })
})
