import { existsSync, readFileSync } from 'node:fs'
import { SettingsError } from './settings-error.ts'

/** Where a stage's own settings stand. */
export const stageFileOf = (stage: string): string => `infra/stages/${stage}.json`

/** What a stage's file says; undefined where there is none. SettingsError for one that cannot be read. */
export function readStageFile(stage: string): Readonly<Record<string, unknown>> | undefined {
  const file = stageFileOf(stage)
  if (!existsSync(file)) return undefined
  try {
    const content: unknown = JSON.parse(readFileSync(file, 'utf8'))
    if (typeof content === 'object' && content !== null && !Array.isArray(content)) return { ...content }
  } catch {
    // Said below.
  }
  throw new SettingsError(`${file} has to hold a JSON object.`)
}
