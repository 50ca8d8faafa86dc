import type { Provider } from '../../../lib/providers/provider.ts'
import { about } from './about.ts'
import { shelfDriver } from './driver.ts'

export const provider: Provider<'none'> = {
  about,
  grant: () => ({ kind: 'none' }),
  opener({ settings }) {
    const driver = shelfDriver(settings['SHELF_DIR'] ?? '')
    return () => driver
  },
}
