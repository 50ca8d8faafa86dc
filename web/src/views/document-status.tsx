import type { Document as StoredDocument } from '../../../client/src/browser.ts'
import { formatShare } from '../format.ts'
import { documentStatus, verdicts } from '../words.ts'
import { displayName } from '../document-names.ts'
import { ShieldIcon, WarningIcon } from './icons.tsx'
import { StatusBadge } from './status-badge.tsx'
import type { Tone } from './status-badge.tsx'

const tones: Readonly<Record<StoredDocument['status'], Tone>> = {
  receiving: 'plain',
  uploading: 'busy',
  stored: 'good',
  parked: 'warn',
  failed: 'bad',
}

/** How far a document is, and whether it is proven. */
export function DocumentStatus({ document }: { document: StoredDocument }) {
  const { status, progress, checksum } = document
  const share =
    status === 'uploading' && progress !== undefined && progress.bytesTotal > 0
      ? progress.bytesTransferred / progress.bytesTotal
      : undefined
  return (
    <div class="status">
      <StatusBadge tone={tones[status]}>{documentStatus[status]}</StatusBadge>
      {share !== undefined && (
        <span class="status-progress">
          <progress max={1} value={share} aria-label={`${displayName(document)}: in the drive`} />
          <span class="small-text soft">{formatShare(share)}</span>
        </span>
      )}
      {status === 'stored' && checksum !== undefined && (
        <span class={`verdict verdict-${checksum.verdict}`} title={verdicts[checksum.verdict].long}>
          {checksum.verdict === 'mismatch' ? <WarningIcon /> : <ShieldIcon />}
          {verdicts[checksum.verdict].short}
        </span>
      )}
    </div>
  )
}
