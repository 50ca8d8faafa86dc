import type { ReadonlySignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { ConsoleContext, useConsole } from '../console-state.ts'
import type { ConsoleState } from '../console-state.ts'
import type { SignIn } from '../session.ts'
import { paths } from '../state/route.ts'
import type { Page } from '../state/route.ts'
import { Dialog } from './dialog.tsx'
import { DocumentsScreen } from './documents-screen.tsx'
import { DrivesScreen } from './drives-screen.tsx'
import { Mark } from './icons.tsx'
import { ToastList } from './toast-list.tsx'

export interface AppProps {
  readonly state: ConsoleState
  readonly signIn: SignIn
  readonly ended: ReadonlySignal<boolean>
}

const titles: Readonly<Record<Page, string>> = { documents: 'Documents', drives: 'Drives' }

/** The console of somebody who is signed in. */
export function App({ state, signIn, ended }: AppProps) {
  const page = state.route.page.value
  const main = useRef<HTMLElement>(null)
  const shown = useRef<Page>(undefined)
  useEffect(() => {
    document.title = `${titles[page]} · Driveway`
    // Whoever cannot see the screen change hears it.
    if (shown.current !== undefined) main.current?.focus({ preventScroll: true })
    shown.current = page
  }, [page])
  return (
    <ConsoleContext.Provider value={state}>
      <a class="skip" href="#main">
        Skip to content
      </a>
      <Header />
      <main id="main" class="page" tabIndex={-1} ref={main}>
        {page === 'documents' ? <DocumentsScreen /> : <DrivesScreen />}
      </main>
      <ToastList />
      {state.uploads.isDragging.value && (
        <div class="drop-veil" aria-hidden="true">
          <p>Drop to upload</p>
        </div>
      )}
      {ended.value && (
        <Dialog title="Your session has ended" onClose={() => undefined}>
          <p>Sign in again to go on. Uploads that were under way can be repeated afterwards.</p>
          <div class="dialog-actions">
            <button class="button primary" type="button" onClick={() => void signIn.begin()}>
              Sign in again
            </button>
          </div>
        </Dialog>
      )}
    </ConsoleContext.Provider>
  )
}

function Header() {
  const { route, session, connections, deletions } = useConsole()
  const troubled = connections.list.value?.filter(({ status }) => status === 'requires_reauth').length ?? 0
  const signOut = async (): Promise<void> => {
    await deletions.flush()
    await session.signOut()
  }
  const link = (page: Page, badge?: string) => (
    <a
      href={paths[page]}
      aria-current={route.page.value === page ? 'page' : undefined}
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return
        event.preventDefault()
        route.go(page)
      }}
    >
      {titles[page]}
      {badge !== undefined && (
        <span class="dot">
          <span class="unseen">, {badge}</span>
        </span>
      )}
    </a>
  )
  return (
    <header class="top">
      <div class="top-inner">
        <span class="brand">
          <Mark />
          <span class="brand-name">Driveway</span>
        </span>
        <nav aria-label="Main">
          {link('documents')}
          {link('drives', troubled > 0 ? `${troubled} to reconnect` : undefined)}
        </nav>
        <div class="who">
          <span class="who-name" title={session.userName}>
            {session.userName}
          </span>
          <button class="button quiet small" type="button" onClick={() => void signOut()}>
            Sign out
          </button>
        </div>
      </div>
    </header>
  )
}
