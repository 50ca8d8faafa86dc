import { useState } from 'preact/hooks'
import { providers } from '../../../lib/providers/registry.ts'
import type { SignIn } from '../session.ts'
import type { Settings } from '../settings.ts'
import { Mark } from './icons.tsx'

/** The drives that a person gives consent to; where none is offered, what is. */
function namesOf(offered: Settings['offeredProviders']): string {
  const drives = offered.filter((id) => providers[id].grant.kind !== 'none')
  const names = (drives.length > 0 ? drives : offered).map((id) => providers[id].name)
  return new Intl.ListFormat('en', { type: 'disjunction' }).format(names)
}

/** What somebody sees who is not signed in. */
export function SignInScreen({ signIn, offered }: { signIn: SignIn; offered: Settings['offeredProviders'] }) {
  const [problem, setProblem] = useState(signIn.refusal)
  const [leaving, setLeaving] = useState(false)
  const begin = async (): Promise<void> => {
    setLeaving(true)
    try {
      await signIn.begin()
    } catch {
      setLeaving(false)
      setProblem('The sign-in service cannot be reached. Check that you are online, then try again.')
    }
  }
  return (
    <main class="welcome">
      <div class="welcome-card">
        <Mark />
        <h1>Your documents, in your own cloud</h1>
        <p>
          Connect {namesOf(offered)} once. What you upload is stored there, bit for bit, and proven by
          checksum.
        </p>
        {problem !== undefined && (
          <p class="notice notice-bad" role="alert">
            You were not signed in. <span class="soft">{problem}</span>
          </p>
        )}
        <button class="button primary wide" type="button" disabled={leaving} onClick={() => void begin()}>
          {leaving ? 'Opening sign-in…' : 'Sign in'}
        </button>
      </div>
    </main>
  )
}

/** When not even the start succeeds. */
export function BrokenScreen({ error }: { error: unknown }) {
  return (
    <main class="welcome">
      <div class="welcome-card">
        <Mark />
        <h1>The console cannot start</h1>
        <p>This page could not learn where its server is. Check that you are online, then try again.</p>
        <p class="notice notice-bad" role="alert">
          <span class="soft">{error instanceof Error ? error.message : 'Unknown problem'}</span>
        </p>
        <button class="button primary wide" type="button" onClick={() => location.reload()}>
          Try again
        </button>
      </div>
    </main>
  )
}
