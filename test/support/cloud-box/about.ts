import type { ProviderAbout } from '../../../lib/providers/about.ts'

/** A made-up drive on a server of the user's own, behind a user name and an app password. */
export const about = {
  id: 'cloud-box',
  name: 'Cloud Box',
  console: {
    pitch: 'Onto a server of your own.',
    afterDelete: 'Then it is gone.',
    icon: 'M4 4h16v16H4z',
    hue: 120,
    noAccount: 'No account yet',
  },
  grant: { kind: 'password', howTo: 'Make an app password in your Cloud Box, under “Security” & “Devices”.' },
  hash: { algorithm: 'sha256', late: false },
  settings: {},
} as const satisfies ProviderAbout
