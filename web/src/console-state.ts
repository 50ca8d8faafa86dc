import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import { createDriveway } from '../../client/src/browser.ts'
import type { Session } from './session.ts'
import type { Settings } from './settings.ts'
import { connectionStore } from './state/connections.ts'
import type { Connections } from './state/connections.ts'
import { deletionStore } from './state/deletions.ts'
import type { Deletions } from './state/deletions.ts'
import { documentStore } from './state/documents.ts'
import type { Documents } from './state/documents.ts'
import { downloadStore } from './state/downloads.ts'
import type { Downloads } from './state/downloads.ts'
import { routeStore } from './state/route.ts'
import type { Route } from './state/route.ts'
import { toastStore } from './state/toasts.ts'
import type { Toasts } from './state/toasts.ts'
import { uploadStore } from './state/uploads.ts'
import type { Uploads } from './state/uploads.ts'

/** Everything that the screens of somebody who is signed in show and do. */
export interface ConsoleState {
  readonly session: Session
  readonly route: Route
  readonly toasts: Toasts
  readonly connections: Connections
  readonly documents: Documents
  readonly uploads: Uploads
  readonly deletions: Deletions
  readonly downloads: Downloads
  /** What can be connected. */
  readonly offered: Settings['offeredProviders']
}

export function openConsole(settings: Settings, session: Session): ConsoleState {
  const driveway = createDriveway({ baseUrl: settings.apiUrl, token: session.token })
  const toasts = toastStore()
  const route = routeStore()
  const documents = documentStore(driveway)
  const deletions = deletionStore(driveway, toasts, documents.refresh)
  const connections = connectionStore(driveway, {
    beforeLeaving: deletions.flush,
    onActive: documents.refresh,
  })
  const uploads = uploadStore(driveway, {
    toasts,
    drives: connections,
    onChange: documents.refresh,
    onRefused: connections.refresh,
    onNoTarget: () => route.go('drives'),
  })
  const downloads = downloadStore(driveway, toasts)
  const offered = settings.offeredProviders
  return { session, route, toasts, connections, documents, uploads, deletions, downloads, offered }
}

export const ConsoleContext = createContext<ConsoleState | undefined>(undefined)

/** The state, in any component below the shell. */
export function useConsole(): ConsoleState {
  const state = useContext(ConsoleContext)
  if (state === undefined) throw new Error('a screen stands outside the console')
  return state
}
