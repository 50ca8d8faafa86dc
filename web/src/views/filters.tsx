import type { Document as StoredDocument } from '../../../client/src/browser.ts'
import { providers } from '../../../lib/providers/registry.ts'
import { useConsole } from '../console-state.ts'
import { documentStatus } from '../words.ts'
import { RefreshIcon } from './icons.tsx'

const statuses: readonly StoredDocument['status'][] = ['stored', 'uploading', 'receiving', 'parked', 'failed']

/** Which documents are listed. */
export function Filters() {
  const { connections, documents } = useConsole()
  const { connectionId, status } = documents.filter.value
  const list = connections.list.value ?? []
  return (
    <div class="filters">
      <label class="field">
        <span>Drive</span>
        <select
          value={connectionId ?? ''}
          onChange={({ currentTarget: { value } }) => {
            documents.filter.value = { status, connectionId: value === '' ? undefined : value }
          }}
        >
          <option value="">All drives</option>
          {list.map(({ id, provider, account }) => (
            <option key={id} value={id}>
              {account === undefined
                ? providers[provider].name
                : `${providers[provider].name}: ${account.email}`}
            </option>
          ))}
        </select>
      </label>
      <label class="field">
        <span>Status</span>
        <select
          value={status ?? ''}
          onChange={({ currentTarget: { value } }) => {
            documents.filter.value = { connectionId, status: statuses.find((one) => one === value) }
          }}
        >
          <option value="">Any status</option>
          {statuses.map((one) => (
            <option key={one} value={one}>
              {documentStatus[one]}
            </option>
          ))}
        </select>
      </label>
      {documents.isFiltered.value && (
        <button class="button quiet small" type="button" onClick={() => void (documents.filter.value = {})}>
          Show all
        </button>
      )}
      <button
        class="icon-button push"
        type="button"
        aria-label="Refresh the list"
        onClick={documents.refresh}
      >
        <RefreshIcon />
      </button>
    </div>
  )
}
