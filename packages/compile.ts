import { spawnSync } from 'node:child_process'
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What tsc is to make, for a package that runs without a TypeScript of its own. */
export interface Compilation {
  /** The tsconfig that holds for the sources. */
  readonly extends: string
  /** Where the package begins; what these import is compiled too. */
  readonly files: readonly string[]
  /** Their folder, whose shape `outDir` gets. */
  readonly rootDir: string
  readonly outDir: string
  /** Compiler options beside those. */
  readonly options?: Readonly<Record<string, unknown>>
}

const tsc = fileURLToPath(import.meta.resolve('typescript/package.json')).replace(/package\.json$/, 'bin/tsc')

/**
 * Programs and declarations, one of each for a source file. tsc gives an import its new ending in programs
 * alone, and knows no worker's file: the others are given it here.
 * https://github.com/microsoft/TypeScript/issues/61037
 */
const stillTs = /((?:from |import\()(['"])\.{1,2}\/[^'"\n]+|new URL\((['"])[^'"\n]+)\.ts(?=\2|\3)/g

/** Compiles, and throws when tsc is not content. */
export function compile({ extends: base, files, rootDir, outDir, options }: Compilation): void {
  const project = join(outDir, 'tsconfig.json')
  const compilerOptions = {
    noEmit: false,
    declaration: true,
    rewriteRelativeImportExtensions: true,
    types: ['node'],
    typeRoots: [join(dirname(dirname(tsc)), '../@types')],
    ...options,
    rootDir,
    outDir,
  }
  mkdirSync(outDir, { recursive: true })
  writeFileSync(project, JSON.stringify({ extends: base, compilerOptions, files, include: [], exclude: [] }))
  const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', project], { encoding: 'utf8' })
  rmSync(project)
  if (status !== 0) throw new Error(`tsc is not content with ${files.join(', ')}:\n${stdout}`)
  for (const file of globSync(join(outDir, '**/*.{js,d.ts}'), { exclude: ['**/node_modules/**'] })) {
    const text = readFileSync(file, 'utf8')
    const mended = text.replaceAll(stillTs, '$1.js')
    if (mended !== text) writeFileSync(file, mended)
  }
}
