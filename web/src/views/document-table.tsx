import type { Document as StoredDocument } from '../../../client/src/browser.ts'
import { providers } from '../../../lib/providers/registry.ts'
import { useConsole } from '../console-state.ts'
import { displayName } from '../document-names.ts'
import { formatAge, formatBytes, formatTime } from '../format.ts'
import { DocumentStatus } from './document-status.tsx'
import { BinIcon, DownloadIcon, FileIcon, ProviderIcon } from './icons.tsx'

export interface DocumentTableProps {
  readonly onOpen: (document: StoredDocument) => void
}

/** A page of documents. The roles are said again since a phone's layout takes them from the elements. */
export function DocumentTable({ onOpen }: DocumentTableProps) {
  const { documents, deletions } = useConsole()
  const rows = documents.rows.value
  if (rows === undefined) return documents.problem.value === undefined ? <TableSkeleton /> : null
  const shown = rows.filter(({ id }) => !deletions.pending.value.has(id))
  if (shown.length === 0) return <Nothing />
  return (
    <table class="table" role="table">
      <thead role="rowgroup">
        <tr role="row">
          <th scope="col" role="columnheader">
            Name
          </th>
          <th scope="col" role="columnheader">
            Status
          </th>
          <th scope="col" role="columnheader" class="wide-only number">
            Size
          </th>
          <th scope="col" role="columnheader" class="wide-only">
            Changed
          </th>
          <th scope="col" role="columnheader">
            <span class="unseen">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        {shown.map((document) => (
          <Row key={document.id} document={document} onOpen={onOpen} />
        ))}
      </tbody>
    </table>
  )
}

function Row({ document, onOpen }: { document: StoredDocument } & DocumentTableProps) {
  const { deletions } = useConsole()
  const name = displayName(document)
  return (
    <tr role="row">
      <td role="cell" class="cell-name">
        <ProviderIcon provider={document.provider} />
        <div class="name-words">
          <button class="link cut" type="button" title={name} onClick={() => onOpen(document)}>
            {name}
          </button>
          <span class="soft small-text">
            {providers[document.provider].name}
            <span class="narrow-only"> · {formatBytes(document.size)}</span>
          </span>
        </div>
      </td>
      <td role="cell" class="cell-status">
        <DocumentStatus document={document} />
      </td>
      <td role="cell" class="wide-only number">
        {formatBytes(document.size)}
      </td>
      <td role="cell" class="wide-only" title={formatTime(document.updatedAt)}>
        {formatAge(document.updatedAt, Date.now())}
      </td>
      <td role="cell" class="cell-actions">
        {document.status === 'stored' && <DownloadButton document={document} />}
        <button
          class="icon-button"
          type="button"
          aria-label={`Delete ${name}`}
          title="Delete"
          onClick={() => deletions.remove(document)}
        >
          <BinIcon />
        </button>
      </td>
    </tr>
  )
}

function DownloadButton({ document }: { document: StoredDocument }) {
  const { downloads } = useConsole()
  const name = displayName(document)
  return (
    <button
      class="icon-button"
      type="button"
      aria-label={`Download ${name}`}
      title="Download"
      onClick={() => void downloads.start(document)}
    >
      <DownloadIcon />
    </button>
  )
}

function Nothing() {
  const { documents } = useConsole()
  const filtered = documents.isFiltered.value
  return (
    <div class="nothing">
      <span class="nothing-icon">
        <FileIcon />
      </span>
      <h2>{filtered ? 'No documents like that' : 'No documents yet'}</h2>
      <p class="soft">
        {filtered
          ? 'None fits the drive and status chosen above.'
          : 'Drop files anywhere on this page, or choose them with Upload files. Up to 5 GB each.'}
      </p>
    </div>
  )
}

function TableSkeleton() {
  return (
    <div class="table-skeleton" role="group" aria-busy="true" aria-label="Loading your documents">
      {[1, 2, 3, 4].map((row) => (
        <div key={row} class="skeleton" />
      ))}
    </div>
  )
}
