import { signal } from '@preact/signals'
import type { ReadonlySignal } from '@preact/signals'

export type Page = 'documents' | 'drives'

export const paths: Readonly<Record<Page, string>> = { documents: '/', drives: '/drives' }

export interface Route {
  readonly page: ReadonlySignal<Page>
  go(page: Page): void
}

/** Which screen the address names; back and forward work. */
export function routeStore(): Route {
  const current = (): Page => (location.pathname === paths.drives ? 'drives' : 'documents')
  const page = signal(current())
  globalThis.addEventListener('popstate', () => {
    page.value = current()
  })
  return {
    page,
    go(next) {
      if (page.value === next) return
      history.pushState(null, '', paths[next])
      page.value = next
      scrollTo(0, 0)
    },
  }
}
