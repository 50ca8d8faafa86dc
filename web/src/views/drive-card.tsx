import { useEffect, useState } from 'preact/hooks'
import type { Connection, Health } from '../../../client/src/browser.ts'
import { providers } from '../../../lib/providers/registry.ts'
import { useConsole } from '../console-state.ts'
import { formatAge, formatBytes, formatShare, formatTime } from '../format.ts'
import { connectionStatus, illnessWords } from '../words.ts'
import { Dialog } from './dialog.tsx'
import { ProviderIcon } from './icons.tsx'
import { StatusBadge } from './status-badge.tsx'
import type { Tone } from './status-badge.tsx'

const tones: Readonly<Record<Connection['status'], Tone>> = {
  active: 'good',
  pending: 'plain',
  requires_reauth: 'warn',
  disconnected: 'plain',
}

/** One drive: does it answer, how full is it, and what can be done. */
export function DriveCard({ connection }: { connection: Connection }) {
  const { connections } = useConsole()
  const [asking, setAsking] = useState(false)
  const { id, provider, status, account } = connection
  const name = providers[provider].name
  const health = connections.health.value.get(id)
  const checking = connections.checking.value.has(id)
  const sick = status === 'active' && health?.healthy === false
  useEffect(() => {
    if (status === 'active') void connections.checkHealth(id)
  }, [id, status])
  return (
    <li class="drive-card" aria-label={`${name} ${account?.email ?? ''}`.trim()}>
      <div class="drive-head">
        <ProviderIcon provider={provider} />
        <div class="drive-name">
          <h2>{name}</h2>
          <p class="soft">{account?.email ?? providers[provider].console.noAccount}</p>
        </div>
        <StatusBadge tone={sick ? 'warn' : tones[status]}>
          {sick ? 'Not answering' : connectionStatus[status]}
        </StatusBadge>
      </div>
      <div class="drive-middle">
        {status === 'active' ? (
          <Space health={health} name={name} />
        ) : (
          <p class="drive-reason">{explain(connection)}</p>
        )}
      </div>
      <div class="drive-foot">
        <Actions connection={connection} onAsk={() => setAsking(true)} />
        {status === 'active' && (
          <button
            class="button quiet small"
            type="button"
            disabled={checking}
            onClick={() => void connections.checkHealth(id)}
          >
            {checking ? 'Checking…' : 'Check now'}
          </button>
        )}
        <span class="drive-when soft">{statusLine(connection, health)}</span>
      </div>
      {asking && <DisconnectDialog connection={connection} onClose={() => setAsking(false)} />}
    </li>
  )
}

function Actions({ connection, onAsk }: { connection: Connection; onAsk: () => void }) {
  const { connections } = useConsole()
  const { id, status } = connection
  const leaving = connections.leaving.value
  const label = status === 'pending' ? 'Continue' : 'Reconnect'
  return (
    <>
      {status !== 'active' && (
        <button
          class={status === 'requires_reauth' ? 'button primary small' : 'button small'}
          type="button"
          disabled={leaving !== undefined}
          onClick={() => void connections.reconnect(connection)}
        >
          {leaving === id ? 'Opening…' : label}
        </button>
      )}
      {status === 'pending' && (
        <button class="button quiet small" type="button" onClick={() => void connections.disconnect(id)}>
          Remove
        </button>
      )}
      {(status === 'active' || status === 'requires_reauth') && (
        <button class="button quiet small" type="button" onClick={onAsk}>
          Disconnect
        </button>
      )}
    </>
  )
}

function statusLine({ updatedAt, status }: Connection, health: Health | undefined): string {
  if (status !== 'active') return `Since ${formatTime(updatedAt)}`
  if (health === undefined) return ''
  return `Checked ${formatAge(health.checkedAt, Date.now())}, ${Math.round(health.latencyMs)} ms`
}

function explain({ status, reason }: Connection): string {
  if (status === 'pending') return 'You have not approved it on the drive’s page yet.'
  if (status === 'disconnected') return 'Your files are still there. Reconnect to use them here again.'
  return `${illnessWords(reason) ?? 'The drive no longer lets us in. Reconnect it.'} Documents for it wait until then.`
}

function Space({ health, name }: { health: Health | undefined; name: string }) {
  if (health === undefined) return <p class="soft">Asking how much space there is…</p>
  if (!health.healthy)
    return <p class="drive-reason">{illnessWords(health.reason) ?? 'The drive does not answer.'}</p>
  const { quota } = health
  if (quota === undefined) return <p class="soft">Answers. It does not tell how much space there is.</p>
  if (quota.limit === undefined) return <p class="soft">{formatBytes(quota.used)} used, no limit</p>
  const share = quota.limit === 0 ? 1 : quota.used / quota.limit
  return (
    <div class="space">
      <meter
        min={0}
        max={1}
        high={0.8}
        optimum={0}
        value={Math.min(1, share)}
        aria-label={`Space used in ${name}`}
        aria-valuetext={formatShare(share)}
      />
      <p class="soft">
        {formatBytes(quota.used)} of {formatBytes(quota.limit)} used
        {share >= 0.95 && ': almost full'}
      </p>
    </div>
  )
}

function DisconnectDialog({ connection, onClose }: { connection: Connection; onClose: () => void }) {
  const { connections } = useConsole()
  const [working, setWorking] = useState(false)
  const name = providers[connection.provider].name
  const disconnect = async (): Promise<void> => {
    setWorking(true)
    await connections.disconnect(connection.id)
    onClose()
  }
  return (
    <Dialog title={`Disconnect ${name}?`} onClose={onClose}>
      <p>
        {connection.account === undefined ? 'This storage' : connection.account.email} is no longer used for
        new documents, uploads to it stop, and those stored there cannot be opened here. The files themselves
        stay where they are. You can reconnect at any time.
      </p>
      <div class="dialog-actions">
        <button class="button" type="button" onClick={onClose}>
          Keep it
        </button>
        <button class="button danger" type="button" disabled={working} onClick={() => void disconnect()}>
          {working ? 'Disconnecting…' : 'Disconnect'}
        </button>
      </div>
    </Dialog>
  )
}
