import { loadProvider } from '../../../lib/providers/load.ts'
import { providerIds, providers } from '../../../lib/providers/registry.ts'
import { about } from './about.ts'

/** Imported before anything else, it puts a provider's two lines into the registry: `node --import …/register.ts local/server.ts`. */
Object.assign(providers, { [about.id]: about })
Object.assign(loadProvider, { [about.id]: async () => (await import('./provider.ts')).provider })
providerIds.push(about.id as string as (typeof providerIds)[number])
