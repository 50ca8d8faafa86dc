import { useRef } from 'preact/hooks'
import { providers } from '../../../lib/providers/registry.ts'
import { useConsole } from '../console-state.ts'
import { UploadIcon } from './icons.tsx'

/**
 * Chooses the drive and the files. It is as large before the drives are known, so that nothing moves then.
 */
export function UploadBar() {
  const { connections, uploads, route } = useConsole()
  const input = useRef<HTMLInputElement>(null)
  const list = connections.list.value
  const active = connections.active.value
  const target = uploads.target.value
  return (
    <div class="upload-bar">
      <label class="field">
        <span>Store in</span>
        <select
          value={target}
          disabled={active.length === 0}
          onChange={(event) => uploads.aimAt(event.currentTarget.value)}
        >
          {active.length === 0 && <option>{list === undefined ? '…' : 'No drive connected'}</option>}
          {active.map(({ id, provider, account }) => (
            <option key={id} value={id}>
              {account === undefined
                ? providers[provider].name
                : `${providers[provider].name}: ${account.email}`}
            </option>
          ))}
        </select>
      </label>
      <button
        class="button primary"
        type="button"
        onClick={() =>
          list !== undefined && target === undefined ? route.go('drives') : input.current?.click()
        }
      >
        <UploadIcon />
        Upload files
      </button>
      <input
        ref={input}
        class="unseen"
        type="file"
        multiple
        tabIndex={-1}
        aria-label="Files to upload"
        onChange={(event) => {
          uploads.add([...(event.currentTarget.files ?? [])])
          event.currentTarget.value = ''
        }}
      />
    </div>
  )
}
