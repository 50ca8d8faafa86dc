import { useRef } from 'preact/hooks'
import type { Document as StoredDocument } from '../../../client/src/browser.ts'
import { providers } from '../../../lib/providers/registry.ts'
import { useConsole } from '../console-state.ts'
import { displayName } from '../document-names.ts'
import { formatBytes, formatTime } from '../format.ts'
import { adviceOn, verdicts } from '../words.ts'
import { Dialog } from './dialog.tsx'
import { DocumentStatus } from './document-status.tsx'
import { DownloadIcon, WarningIcon } from './icons.tsx'

export interface DetailsDialogProps {
  readonly document: StoredDocument
  readonly onClose: () => void
}

/** Hashes that have a common name; a provider's own is called as it calls it. */
const algorithms: Readonly<Record<string, string>> = { sha256: 'SHA-256', md5: 'MD5' }

/** Everything that is known of one document. */
export function DetailsDialog({ document, onClose }: DetailsDialogProps) {
  const { connections } = useConsole()
  const { provider, connectionId, checksum, objectKey } = document
  const account = connections.list.value?.find(({ id }) => id === connectionId)?.account?.email
  return (
    <Dialog title={displayName(document)} onClose={onClose}>
      <DocumentStatus document={document} />
      <Trouble document={document} onClose={onClose} />
      <dl class="facts">
        <Fact term="Drive">
          {providers[provider].name}
          {account === undefined ? '' : `, ${account}`}
        </Fact>
        <Fact term="Size">{formatBytes(document.size)}</Fact>
        <Fact term="Type">{document.contentType}</Fact>
        <Fact term="Added">{formatTime(document.createdAt)}</Fact>
        <Fact term="Changed">{formatTime(document.updatedAt)}</Fact>
        {checksum !== undefined && (
          <Fact term={algorithms[checksum.algorithm] ?? checksum.algorithm}>
            <code>{checksum.value}</code>
            <span class="soft small-text">{verdicts[checksum.verdict].long}</span>
          </Fact>
        )}
        {objectKey !== undefined && (
          <Fact term="Id in the drive">
            <code>{objectKey}</code>
          </Fact>
        )}
      </dl>
      <Actions document={document} onClose={onClose} />
    </Dialog>
  )
}

function Fact({ term, children }: { term: string; children: preact.ComponentChildren }) {
  return (
    <>
      <dt>{term}</dt>
      <dd>{children}</dd>
    </>
  )
}

/** Why it is not stored, and the way on from there. */
function Trouble({ document, onClose }: DetailsDialogProps) {
  const { route, uploads } = useConsole()
  const input = useRef<HTMLInputElement>(null)
  const { status, error } = document
  if (status !== 'failed' && status !== 'parked') return null
  const advice = adviceOn(
    status === 'parked' ? 'connection_requires_reauth' : (error?.code ?? 'internal_error'),
  )
  return (
    <div class={status === 'parked' ? 'notice notice-warn' : 'notice notice-bad'}>
      <WarningIcon />
      <div class="notice-words">
        <strong>{advice.title}</strong>
        <span>{advice.next}</span>
      </div>
      {status === 'parked' ? (
        <button
          class="button small"
          type="button"
          onClick={() => {
            onClose()
            route.go('drives')
          }}
        >
          Go to Drives
        </button>
      ) : (
        <>
          <button class="button small" type="button" onClick={() => input.current?.click()}>
            Upload again
          </button>
          <input
            ref={input}
            class="unseen"
            type="file"
            tabIndex={-1}
            aria-label={`The file for ${displayName(document)}`}
            onChange={({ currentTarget: { files } }) => {
              if (files !== null && files.length > 0) uploads.add([...files].slice(0, 1), document)
              onClose()
            }}
          />
        </>
      )}
    </div>
  )
}

function Actions({ document, onClose }: DetailsDialogProps) {
  const { downloads, deletions } = useConsole()
  return (
    <div class="dialog-actions">
      <button
        class="button danger-quiet"
        type="button"
        onClick={() => {
          onClose()
          deletions.remove(document)
        }}
      >
        Delete
      </button>
      <span class="push" />
      <button class="button" type="button" onClick={onClose}>
        Close
      </button>
      {document.status === 'stored' && (
        <button
          class="button primary"
          type="button"
          onClick={() => {
            onClose()
            void downloads.start(document)
          }}
        >
          <DownloadIcon />
          Download
        </button>
      )}
    </div>
  )
}
