import type { ProviderAbout } from '../../../lib/providers/about.ts'

/** A made-up provider with as little as a provider can have: files in a folder of this machine. */
export const about = {
  id: 'shelf',
  name: 'Shelf',
  console: {
    pitch: 'Onto a shelf of this machine.',
    afterDelete: 'Then it is gone.',
    icon: 'M4 20h16M4 4h16',
    hue: 30,
    noAccount: 'Kept on this machine',
    once: true,
  },
  grant: { kind: 'none' },
  hash: { algorithm: 'sha256', late: false },
  settings: { SHELF_DIR: { means: 'The folder.' } },
} as const satisfies ProviderAbout
