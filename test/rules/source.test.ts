import { globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { describe, expect, it } from 'vitest'
import { projects } from '../../vitest.config.ts'

const code = globSync(
  '{lib,functions,infra,local,conformance,simulators,emulators,cli,client,web/src,test,bench,verify,packages}/**/*.{ts,tsx}',
  {
    exclude: ['**/node_modules/**', '**/dist/**'],
  },
)
const product = code.filter((file) => !/^(conformance|(simulators\/|emulators\/)?test)\//.test(file))
const lines = (file: string): number => readFileSync(file, 'utf8').split('\n').length - 1

describe('the sources', () => {
  it('keep every module at 250 lines or fewer', () => {
    expect(product.filter((file) => !file.endsWith('/generated.ts') && lines(file) > 250)).toEqual([])
  })

  it('keep every handler at 40 lines or fewer', () => {
    expect(code.filter((file) => file.startsWith('functions/') && lines(file) > 40)).toEqual([])
  })

  it('name files in kebab-case, none of them utils or index', () => {
    const wrong = code.filter(
      (file) =>
        !/^[a-z0-9]+([.-][a-z0-9]+)*\.tsx?$/.test(basename(file)) ||
        /^(utils?|helpers?|index|common)\.tsx?$/.test(basename(file)),
    )
    expect(wrong).toEqual([])
  })

  it('are run, where they are tests', () => {
    const tests = globSync('**/*.test.ts', { exclude: ['**/node_modules/**', '**/dist/**'] })
    expect(globSync(Object.values(projects).flat()).toSorted()).toEqual(tests.toSorted())
  })

  it('start no process in a unit test', () => {
    const starts = /node:child_process|\/support\/(local-stack|ingest-child)\.ts|node:worker_threads/
    const unit = code.filter((file) => file.startsWith('test/unit/'))
    expect(unit.length).toBeGreaterThan(20)
    expect(unit.filter((file) => starts.test(readFileSync(file, 'utf8')))).toEqual([])
  })

  it('take time, chance, ids and the environment from outside, but for where these come in', () => {
    const hidden =
      /Date\.now\(|new Date\(\)|randomUUID|Math\.random|performance\.now|setImmediate|\bset(Timeout|Interval)\(|process\.env/
    const doors = [
      'lib/clock.ts',
      'lib/ids.ts',
      'lib/compose/bare-process.ts',
      'lib/compose/outside.ts',
      'lib/compose/this-process.ts',
      'lib/telemetry/output.ts',
      // What a caller may leave out; the composition never does.
      'lib/grants/tokens/obtain.ts',
      'lib/net/retry.ts',
      'lib/transfer/body.ts',
      // Real sockets, and a boundary between parts that nothing depends on.
      'lib/net/feed.ts',
      'lib/net/http-client.ts',
      'lib/providers/google-drive/multipart.ts',
    ]
    const inside = code.filter((file) => /^(lib|functions)\//.test(file))
    expect(inside.filter((file) => hidden.test(readFileSync(file, 'utf8'))).toSorted()).toEqual(
      doors.toSorted(),
    )
  })

  it('leave nothing for later', () => {
    // Written in pieces, so that this file does not find itself.
    const marks = /TO[D]O|FIX[M]E|X[X]X|not impl[e]mented|@ts-[i]gnore|\.(skip|only|to[d]o)\(/
    expect(code.filter((file) => marks.test(readFileSync(file, 'utf8')))).toEqual([])
  })
})
