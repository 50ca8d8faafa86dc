import type { Provider } from './provider.ts'
import type { ProviderId, providers } from './registry.ts'

/** Every provider's code, one line each: loaded when its first connection is opened or asked for. */
export const loadProvider: {
  readonly [Id in ProviderId]: () => Promise<Provider<(typeof providers)[Id]['grant']['kind']>>
} = {
  'google-drive': async () => (await import('./google-drive/provider.ts')).provider,
  onedrive: async () => (await import('./onedrive/provider.ts')).provider,
  dropbox: async () => (await import('./dropbox/provider.ts')).provider,
  s3: async () => (await import('./s3/provider.ts')).provider,
}
