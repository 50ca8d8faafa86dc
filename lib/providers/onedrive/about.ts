import type { ProviderAbout } from '../about.ts'

/** OneDrive, personal and at work, through Microsoft Graph. */
export const about = {
  id: 'onedrive',
  name: 'OneDrive',
  console: {
    pitch: 'Into a folder of your own OneDrive, private or at work.',
    afterDelete: 'OneDrive keeps it in its recycle bin for a while.',
    icon: 'M7 18.5h10.2a3.8 3.8 0 0 0 .6-7.55A6 6 0 0 0 6.4 10 4.3 4.3 0 0 0 7 18.5z',
    hue: 259,
    noAccount: 'No account yet',
  },
  grant: {
    kind: 'oauth2',
    clientSecretName: 'oauth/microsoft',
    registrar: 'Microsoft',
    clientId: {
      pattern: /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
      looksLike: '11111111-2222-3333-4444-555555555555 (Application (client) ID)',
    },
    clientSecretHint: 'Take the secret’s Value, not its Secret ID.',
    scopes: ['Files.ReadWrite', 'offline_access', 'openid', 'profile', 'email'],
    refreshTokens: 'rotated',
    // From the issue of the refresh token.
    // https://learn.microsoft.com/en-us/entra/identity-platform/refresh-tokens#token-lifetime
    idleDays: 90,
    keepAliveDays: 30,
    revokes: 'nothing',
    // https://learn.microsoft.com/entra/identity-platform/reference-error-codes
    administratorCodes: [
      'consent_required',
      'AADSTS65001',
      'AADSTS90093',
      'AADSTS90094',
      'AADSTS90095',
      'AADSTS90097',
      'AADSTS50105',
      'AADSTS53003',
      'AADSTS500014',
      'AADSTS700016',
      'AADSTS7000112',
    ],
    // For personal accounts; a work account's grants are taken back at https://myapplications.microsoft.com.
    manageUrl: 'https://account.live.com/consent/Manage',
    tokenUrl: (settings) =>
      `${settings['MICROSOFT_ENDPOINT'] ?? 'https://login.microsoftonline.com'}/${settings['MICROSOFT_TENANT_ID'] ?? 'common'}/oauth2/v2.0/token`,
  },
  hash: { algorithm: 'quickXorHash', late: true },
  settings: {
    MICROSOFT_ENDPOINT: { means: 'One origin in place of all of Microsoft’s (a simulator).' },
    MICROSOFT_TENANT_ID: {
      means: 'Directory of the Microsoft authority; common when absent.',
      chosen: {
        default: 'common',
        pattern: /^[A-Za-z0-9.-]+$/,
        mustBe: 'common, organizations, consumers or a tenant id',
      },
    },
  },
  tellsChanges: true,
  simulator: {
    name: 'microsoft',
    plays: 'identity platform, Graph, upload sessions',
    portOffset: 2,
    endpointSetting: 'MICROSOFT_ENDPOINT',
    clientSettings: { id: 'MICROSOFT_CLIENT_ID', secret: 'MICROSOFT_CLIENT_SECRET' },
  },
} as const satisfies ProviderAbout
