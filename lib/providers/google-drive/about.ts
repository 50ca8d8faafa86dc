import type { ProviderAbout } from '../about.ts'

/** Google Drive: files that this app made itself, in the drive of whoever consented. */
export const about = {
  id: 'google-drive',
  name: 'Google Drive',
  console: {
    pitch: 'Into a folder of your own Google Drive.',
    afterDelete: 'Google Drive keeps it in its bin for 30 days.',
    icon: 'm8.8 4.5-5.6 10 2.9 5h11.8l2.9-5-5.6-10zM8.8 4.5l6 10M3.2 14.5h11.6M15.2 4.5 9 14.8l-2.9 4.7',
    hue: 86,
    noAccount: 'No account yet',
  },
  grant: {
    kind: 'oauth2',
    clientSecretName: 'oauth/google',
    registrar: 'Google',
    clientId: {
      pattern: /^[\w-]+\.apps\.googleusercontent\.com$/,
      looksLike: '1234-abcd.apps.googleusercontent.com',
    },
    // Per-file access to what this app itself creates: no review by Google, and nothing else of the drive is
    // visible.
    scopes: ['https://www.googleapis.com/auth/drive.file'],
    refreshTokens: 'kept',
    // Six months without use. https://developers.google.com/identity/protocols/oauth2#expiration
    idleDays: 180,
    keepAliveDays: 60,
    revokes: 'all grants',
    // https://developers.google.com/identity/protocols/oauth2/web-server#authorization-errors
    administratorCodes: ['admin_policy_enforced', 'org_internal'],
    manageUrl: 'https://myaccount.google.com/connections',
    tokenUrl: (settings) => `${settings['GOOGLE_ENDPOINT'] ?? 'https://oauth2.googleapis.com'}/token`,
  },
  hash: { algorithm: 'sha256', late: false },
  settings: { GOOGLE_ENDPOINT: { means: 'One origin in place of all of Google’s (a simulator).' } },
  tellsChanges: true,
  simulator: {
    name: 'google',
    plays: 'OAuth, userinfo, Drive v3 and its uploads',
    portOffset: 1,
    endpointSetting: 'GOOGLE_ENDPOINT',
    clientSettings: { id: 'GOOGLE_CLIENT_ID', secret: 'GOOGLE_CLIENT_SECRET' },
  },
} as const satisfies ProviderAbout
