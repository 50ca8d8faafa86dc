import { useConsole } from '../console-state.ts'
import type { Provider } from '../words.ts'
import { providerNames, providerPitch } from '../words.ts'
import { ArrowIcon, ProviderIcon } from './icons.tsx'

const order: readonly Provider[] = ['google-drive', 'onedrive', 's3']

/** What can be connected. Several accounts of a cloud drive can; the deployment's own storage is there once. */
export function ConnectTiles() {
  const { connections } = useConsole()
  const leaving = connections.leaving.value
  const hasOwn = connections.active.value.some(({ provider }) => provider === 's3')
  return (
    <ul class="tiles">
      {order
        .filter((provider) => provider !== 's3' || !hasOwn)
        .map((provider) => (
          <li key={provider}>
            <button
              class="tile"
              type="button"
              disabled={leaving !== undefined}
              onClick={() => void connections.connect(provider)}
            >
              <ProviderIcon provider={provider} />
              <span class="tile-words">
                <strong>
                  <span class={leaving === provider ? undefined : 'unseen'}>
                    {leaving === provider ? 'Opening ' : 'Connect '}
                  </span>
                  {providerNames[provider]}
                </strong>
                <span class="soft">{providerPitch[provider]}</span>
              </span>
              <ArrowIcon />
            </button>
          </li>
        ))}
    </ul>
  )
}
