import type { ProviderAbout, SettingAbout } from '../lib/providers/about.ts'
import { aboutOf, providerIds } from '../lib/providers/registry.ts'

/** What a provider lets a deployment choose. */
export interface ProviderSetting {
  readonly about: ProviderAbout
  /** The setting's name, and the variable that functions find its value in. */
  readonly name: string
  readonly variable: string
  readonly means: string
  readonly chosen: NonNullable<SettingAbout['chosen']>
}

/** `MICROSOFT_TENANT_ID` is chosen as `microsoftTenantId`. */
function nameOf(variable: string): string {
  return variable.toLowerCase().replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
}

function settingsOf(about: ProviderAbout): ProviderSetting[] {
  return Object.entries(about.settings).flatMap(([variable, { means, chosen }]) =>
    chosen === undefined ? [] : [{ about, name: nameOf(variable), variable, means, chosen }],
  )
}

export const providerSettings: readonly ProviderSetting[] = providerIds.flatMap((id) =>
  settingsOf(aboutOf(id)),
)
