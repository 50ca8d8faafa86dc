import { aboutOf } from '../../../lib/providers/registry.ts'
import { useConsole } from '../console-state.ts'
import { ArrowIcon, ProviderIcon } from './icons.tsx'

/**
 * What can be connected. Several accounts of a cloud drive can; the deployment's own storage is there once.
 */
export function ConnectTiles() {
  const { connections, offered } = useConsole()
  const leaving = connections.leaving.value
  const active = new Set(connections.active.value.map(({ provider }) => provider))
  return (
    <ul class="tiles">
      {offered
        .filter((provider) => aboutOf(provider).console.once !== true || !active.has(provider))
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
                  {aboutOf(provider).name}
                </strong>
                <span class="soft">{aboutOf(provider).console.pitch}</span>
              </span>
              <ArrowIcon />
            </button>
          </li>
        ))}
    </ul>
  )
}
