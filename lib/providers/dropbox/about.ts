import type { ProviderAbout } from '../about.ts'

/** Dropbox: the app's own folder in the Dropbox of whoever consented. */
export const about = {
  id: 'dropbox',
  name: 'Dropbox',
  console: {
    pitch: 'Into the app’s own folder in your Dropbox.',
    afterDelete: 'Dropbox keeps it among the deleted files for 30 days or more.',
    icon: 'M3.5 8.5 12 4l8.5 4.5v8L12 21l-8.5-4.5zM3.5 8.5 12 13l8.5-4.5M12 13v8M7.8 6.2l8.4 4.6',
    hue: 250,
    noAccount: 'No account yet',
  },
  grant: {
    kind: 'oauth2',
    clientSecretName: 'oauth/dropbox',
    registrar: 'Dropbox',
    clientId: { pattern: /^[a-z0-9]{12,20}$/, looksLike: 'abc123def456ghi (App key)' },
    clientSecretHint: 'Take the App secret, not a generated access token.',
    scopes: ['account_info.read', 'files.metadata.read', 'files.content.read', 'files.content.write'],
    // They have no end of their own. https://developers.dropbox.com/oauth-guide#using-refresh-tokens
    refreshTokens: 'kept',
    keepAliveDays: 60,
    // https://www.dropbox.com/developers/documentation/http/documentation#auth-token-revoke
    revokes: 'this grant',
    administratorCodes: [],
    manageUrl: 'https://www.dropbox.com/account/connected_apps',
    tokenUrl: (settings) => `${settings['DROPBOX_ENDPOINT'] ?? 'https://api.dropboxapi.com'}/oauth2/token`,
  },
  hash: { algorithm: 'dropboxContentHash', late: false },
  settings: { DROPBOX_ENDPOINT: { means: 'One origin in place of all of Dropbox’s (a simulator).' } },
  tellsChanges: true,
  simulator: {
    name: 'dropbox',
    plays: 'OAuth and version 2 of the API, with its upload sessions',
    portOffset: 7,
    endpointSetting: 'DROPBOX_ENDPOINT',
    clientSettings: { id: 'DROPBOX_CLIENT_ID', secret: 'DROPBOX_CLIENT_SECRET' },
  },
} as const satisfies ProviderAbout
