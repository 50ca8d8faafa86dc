import type { ComponentChildren } from 'preact'
import type { ProviderId } from '../../../lib/providers/registry.ts'
import { providers } from '../../../lib/providers/registry.ts'

/** Small drawings. All are decoration: the words beside them, or their button's label, say what they mean. */
function Icon({ children, filled = false }: { children: ComponentChildren; filled?: boolean }) {
  return (
    <svg
      class="icon"
      viewBox="0 0 24 24"
      fill={filled ? 'currentColor' : 'none'}
      stroke={filled ? 'none' : 'currentColor'}
      stroke-width="1.75"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      {children}
    </svg>
  )
}

export const UploadIcon = () => (
  <Icon>
    <path d="M12 15V4m0 0L7.5 8.5M12 4l4.5 4.5M4.5 15v3A1.5 1.5 0 0 0 6 19.5h12a1.5 1.5 0 0 0 1.5-1.5v-3" />
  </Icon>
)
export const DownloadIcon = () => (
  <Icon>
    <path d="M12 4v11m0 0 4.5-4.5M12 15l-4.5-4.5M4.5 16v2A1.5 1.5 0 0 0 6 19.5h12a1.5 1.5 0 0 0 1.5-1.5v-2" />
  </Icon>
)
export const BinIcon = () => (
  <Icon>
    <path d="M4.5 7h15M10 11v5.5m4-5.5v5.5M6 7l.8 11.2A1.5 1.5 0 0 0 8.3 19.5h7.4a1.5 1.5 0 0 0 1.5-1.3L18 7M9.5 7V5.2c0-.4.3-.7.7-.7h3.6c.4 0 .7.3.7.7V7" />
  </Icon>
)
export const CloseIcon = () => (
  <Icon>
    <path d="m6.5 6.5 11 11m0-11-11 11" />
  </Icon>
)
export const CheckIcon = () => (
  <Icon>
    <path d="m5.5 12.5 4.2 4.2 8.8-9.2" />
  </Icon>
)
export const ShieldIcon = () => (
  <Icon>
    <path d="M12 3.5 5.5 6v5.2c0 4 2.6 7.2 6.5 9.3 3.9-2.1 6.5-5.3 6.5-9.3V6zM9 12l2.2 2.2L15.2 10" />
  </Icon>
)
export const WarningIcon = () => (
  <Icon>
    <path d="M12 9v4.2m0 3.1v.1M10.6 4.6 3.4 17.2a1.6 1.6 0 0 0 1.4 2.3h14.4a1.6 1.6 0 0 0 1.4-2.3L13.4 4.6a1.6 1.6 0 0 0-2.8 0z" />
  </Icon>
)
export const RefreshIcon = () => (
  <Icon>
    <path d="M19.5 12a7.5 7.5 0 1 1-2.2-5.3L19.5 9m0-4.5V9H15" />
  </Icon>
)
export const ArrowIcon = () => (
  <Icon>
    <path d="M5 12h14m0 0-5.5-5.5M19 12l-5.5 5.5" />
  </Icon>
)
export const FileIcon = () => (
  <Icon>
    <path d="M13.5 3.5H7A1.5 1.5 0 0 0 5.5 5v14A1.5 1.5 0 0 0 7 20.5h10a1.5 1.5 0 0 0 1.5-1.5V8.5zm0 0v5h5" />
  </Icon>
)
export const Mark = () => (
  <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
    <rect width="32" height="32" rx="9" class="mark-ground" />
    <path d="M8 26 13 6h6l5 20z" class="mark-road" />
    <path d="M16 8.5v3M16 14.5v3.5M16 21.5V26" class="mark-line" />
  </svg>
)

/** The drive's own drawing, in shades of its hue. */
export function ProviderIcon({ provider }: { provider: ProviderId }) {
  const { icon, hue } = providers[provider].console
  // The page's policy lets no style attribute in; this is set as a property of the element.
  return (
    <span class="provider-icon" style={{ '--hue': hue }}>
      <Icon>
        <path d={icon} />
      </Icon>
    </span>
  )
}
