import { providers } from '../../../lib/providers/registry.ts'
import { useConsole } from '../console-state.ts'
import type { Outcome } from '../state/connections.ts'
import { refusalWords } from '../words.ts'
import { ConnectTiles } from './connect-tiles.tsx'
import { DriveCard } from './drive-card.tsx'
import { CheckIcon, CloseIcon, WarningIcon } from './icons.tsx'
import { Problem } from './problem.tsx'

/** The drives: those that are connected, and those that could be. */
export function DrivesScreen() {
  const { connections } = useConsole()
  const { value: list } = connections.list
  const outcome = connections.outcome.value
  const problem = connections.problem.value
  return (
    <>
      <div class="page-head">
        <div>
          <h1>Drives</h1>
          <p class="soft">Where your documents are kept. Disconnecting never deletes a file.</p>
        </div>
      </div>
      <div aria-live="polite">{outcome !== undefined && <OutcomeNotice outcome={outcome} />}</div>
      {problem !== undefined && <Problem error={problem} onRetry={connections.refresh} />}
      {list === undefined ? (
        problem === undefined && <DriveSkeletons />
      ) : (
        <>
          {list.length > 0 && (
            <ul class="drive-list" aria-label="Your drives">
              {list.map((connection) => (
                <DriveCard key={connection.id} connection={connection} />
              ))}
            </ul>
          )}
          <section class="connect" aria-labelledby="connect-heading">
            <h2 id="connect-heading">{list.length > 0 ? 'Connect another' : 'Connect your first drive'}</h2>
            {list.length === 0 && (
              <p class="soft">
                You approve it on the drive’s own page. Driveway works only with the documents that it stores
                there.
              </p>
            )}
            <ConnectTiles />
          </section>
        </>
      )}
    </>
  )
}

function OutcomeNotice({ outcome }: { outcome: Outcome }) {
  const { connections } = useConsole()
  if (outcome.kind === 'failed') return <Problem error={outcome.error} />
  if (outcome.kind === 'connected') {
    const { provider, account } = outcome.connection
    return (
      <div class="notice notice-good">
        <CheckIcon />
        <div class="notice-words">
          <strong>{providers[provider].name} is connected</strong>
          {account !== undefined && <span>{account.email}</span>}
        </div>
        <DismissButton />
      </div>
    )
  }
  const { provider } = outcome
  return (
    <div class="notice notice-warn">
      <WarningIcon />
      <div class="notice-words">
        <strong>{provider === undefined ? 'The drive' : providers[provider].name} was not connected</strong>
        <span>{refusalWords(outcome.error)}</span>
      </div>
      {provider !== undefined && (
        <button class="button small" type="button" onClick={() => void connections.connect(provider)}>
          Try again
        </button>
      )}
      <DismissButton />
    </div>
  )
}

function DismissButton() {
  const { connections } = useConsole()
  return (
    <button class="icon-button" type="button" aria-label="Dismiss" onClick={connections.dismissOutcome}>
      <CloseIcon />
    </button>
  )
}

function DriveSkeletons() {
  return (
    <div class="drive-list" aria-busy="true" aria-label="Loading your drives" role="group">
      <div class="drive-card skeleton" />
      <div class="drive-card skeleton" />
    </div>
  )
}
