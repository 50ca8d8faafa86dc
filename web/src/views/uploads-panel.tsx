import { providers } from '../../../lib/providers/registry.ts'
import { useConsole } from '../console-state.ts'
import { formatBytes, formatShare } from '../format.ts'
import type { Upload } from '../state/uploads.ts'
import type { ProviderId } from '../../../lib/providers/registry.ts'
import { verdicts } from '../words.ts'
import { CheckIcon, CloseIcon, FileIcon, ShieldIcon, WarningIcon } from './icons.tsx'

/** This visit's uploads: both legs of each, the way to us and the way to the drive. */
export function UploadsPanel() {
  const { uploads } = useConsole()
  const all = uploads.all.value
  if (all.length === 0) return null
  const open = all.filter(({ phase }) => phase !== 'stored' && phase !== 'failed').length
  const failed = all.filter(({ phase }) => phase === 'failed').length
  return (
    <section class="card uploads" aria-label="Uploads">
      <div class="uploads-head">
        <h2 aria-live="polite">{headline(all.length, open, failed)}</h2>
        {open < all.length - failed && (
          <button class="button quiet small" type="button" onClick={uploads.clearFinished}>
            Clear finished
          </button>
        )}
      </div>
      {!uploads.isOnline.value && open > 0 && (
        <p class="notice notice-warn" role="status">
          <WarningIcon /> You are offline. Uploads go on by themselves when the connection is back.
        </p>
      )}
      <ul class="upload-list">
        {all.map((upload) => (
          <UploadRow key={upload.id} upload={upload} />
        ))}
      </ul>
    </section>
  )
}

function headline(total: number, open: number, failed: number): string {
  if (open > 0) return `Uploading ${open} of ${total}`
  if (failed > 0) return `${failed} of ${total} not uploaded`
  return total === 1 ? 'Uploaded' : `All ${total} uploaded`
}

function UploadRow({ upload }: { upload: Upload }) {
  const { uploads, connections, route } = useConsole()
  const { id, name, size, phase, problem } = upload
  const provider = connections.list.value?.find((one) => one.id === upload.connectionId)?.provider
  const isOver = phase === 'stored' || phase === 'failed'
  return (
    <li class={`upload upload-${phase}`} aria-label={name}>
      <span class="upload-icon">
        {phase === 'stored' ? <CheckIcon /> : phase === 'failed' ? <WarningIcon /> : <FileIcon />}
      </span>
      <div class="upload-main">
        <p class="upload-name">
          <span class="cut">{name}</span>
          <span class="soft">{formatBytes(size)}</span>
        </p>
        {isOver ? (
          <Ending upload={upload} provider={provider} />
        ) : (
          <Legs upload={upload} provider={provider} />
        )}
      </div>
      <div class="upload-actions">
        {problem?.reconnect === true && (
          <button class="button small" type="button" onClick={() => route.go('drives')}>
            Go to Drives
          </button>
        )}
        {phase === 'failed' && problem?.reconnect === false && (
          <button class="button small" type="button" onClick={() => uploads.retry(id)}>
            Try again
          </button>
        )}
        <button
          class="icon-button"
          type="button"
          aria-label={isOver ? `Take ${name} off this list` : `Cancel ${name}`}
          onClick={() => uploads.cancel(id)}
        >
          <CloseIcon />
        </button>
      </div>
    </li>
  )
}

function Ending({ upload, provider }: { upload: Upload; provider: ProviderId | undefined }) {
  if (upload.problem !== undefined) {
    return (
      <p class="upload-note" role="alert">
        <strong>{upload.problem.title}.</strong> {upload.problem.next}
      </p>
    )
  }
  return (
    <p class="upload-note good">
      Stored in {provider === undefined ? 'the drive' : providers[provider].name}
      {upload.verdict !== undefined && (
        <>
          {' '}
          and {verdicts[upload.verdict].short} <ShieldIcon />
        </>
      )}
    </p>
  )
}

function Legs({ upload, provider }: { upload: Upload; provider: ProviderId | undefined }) {
  const { phase, size, bytesSent, bytesStored, interrupted } = upload
  const drive = provider === undefined ? 'drive' : providers[provider].name
  const whole = Math.max(1, size)
  const sent = phase === 'storing' ? 1 : bytesSent / whole
  return (
    <div class="legs">
      <Leg label={legLabel(phase, interrupted)} of={`${upload.name}: sent`} share={sent} />
      <Leg label={`In ${drive}`} of={`${upload.name}: in ${drive}`} share={bytesStored / whole} />
    </div>
  )
}

function legLabel(phase: Upload['phase'], interrupted: boolean): string {
  if (phase === 'waiting') return 'Waiting for its turn'
  if (phase === 'preparing') return 'Preparing'
  return phase === 'sending' && interrupted ? 'Sending again' : 'Sent'
}

function Leg({ label, of, share }: { label: string; of: string; share: number }) {
  return (
    <div class="leg">
      <span>{label}</span>
      <span class="leg-share">{formatShare(share)}</span>
      <progress max={1} value={share} aria-label={of} />
    </div>
  )
}
