import { useConsole } from '../console-state.ts'
import { CloseIcon } from './icons.tsx'

/** Short messages in a corner, read out as they come. */
export function ToastList() {
  const { toasts } = useConsole()
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.shown.value.map((toast) => (
        <div key={toast.id} class={`toast toast-${toast.tone}`}>
          <div class="toast-words">
            <strong>{toast.title}</strong>
            {toast.text !== undefined && <span>{toast.text}</span>}
          </div>
          {toast.action === undefined ? (
            <button
              class="icon-button"
              type="button"
              aria-label="Dismiss"
              onClick={() => toasts.dismiss(toast.id)}
            >
              <CloseIcon />
            </button>
          ) : (
            <button class="button inverse small" type="button" onClick={toast.action.run}>
              {toast.action.label}
            </button>
          )}
        </div>
      ))}
    </div>
  )
}
