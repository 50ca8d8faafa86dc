import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { beforeAll, describe, expect, test } from 'vitest'

const root = join(import.meta.dirname, '../../..')
const client = join(root, 'client')
const run = (tool: string, args: readonly string[]) =>
  spawnSync(join(root, 'node_modules/.bin', tool), args, { cwd: client, encoding: 'utf8' })

describe('the package', () => {
  beforeAll(() => {
    execFileSync(process.execPath, [join(client, 'build.ts')], { stdio: 'inherit' })
  })

  test('is well formed for every modern consumer', () => {
    const published = run('publint', ['--strict'])
    expect(published.stdout).toContain('All good!')
    const types = run('attw', ['--pack', '.', '--profile', 'esm-only', '--format', 'json'])
    expect(types).toMatchObject({ status: 0, stderr: '' })
  })

  test('works when it is imported by its name', () => {
    const script =
      "const { createDriveway, fileSource } = await import('@driveway/client'); console.log(typeof createDriveway, typeof fileSource)"
    const ran = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd: client,
      encoding: 'utf8',
    })
    expect(ran.stdout.trim()).toBe('function function')
  })

  test('is small in a browser, and takes nothing of Node there', async () => {
    const bundle = await build({
      entryPoints: [join(client, 'dist/browser.js')],
      bundle: true,
      minify: true,
      format: 'esm',
      platform: 'browser',
      write: false,
    })
    const code = bundle.outputFiles[0]?.contents ?? new Uint8Array()
    expect(Buffer.from(code).toString()).not.toMatch(/node:|process\./)
    expect(gzipSync(code).length).toBeLessThan(10_000)
  })
})
