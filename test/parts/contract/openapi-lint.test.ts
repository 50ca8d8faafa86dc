import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openapiDocument } from '../../../lib/contract/openapi/document.ts'

test('the OpenAPI document lints clean', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'driveway-openapi-'))
  try {
    const file = join(folder, 'openapi.json')
    await writeFile(file, JSON.stringify(openapiDocument({ serverUrl: 'https://driveway.invalid' })))
    const redocly = join(import.meta.dirname, '../../../node_modules/.bin/redocly')
    const lint = spawnSync(redocly, ['lint', '--format', 'json', '--max-problems', '1000', file], {
      encoding: 'utf8',
      env: { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' },
    })
    expect(lint.error).toBeUndefined()
    const report: unknown = JSON.parse(lint.stdout.slice(lint.stdout.indexOf('{')))
    expect(report).toMatchObject({ totals: { errors: 0, warnings: 0 }, problems: [] })
  } finally {
    await rm(folder, { recursive: true })
  }
})
