import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { packageName } from './scope.ts'

const tsc = fileURLToPath(import.meta.resolve('typescript/package.json')).replace(/package\.json$/, 'bin/tsc')

interface Setting {
  readonly module: string
  readonly moduleResolution?: string
  readonly lib: readonly string[]
  readonly types: readonly string[]
  readonly commonjs?: true
}

/** The settings under which people compile what imports the client. `commonjs`: their package is one. */
const settings: Readonly<Record<string, Setting>> = {
  'a bundler, in a page': {
    module: 'esnext',
    moduleResolution: 'bundler',
    lib: ['es2022', 'dom'],
    types: [],
  },
  'a bundler, on a server': {
    module: 'esnext',
    moduleResolution: 'bundler',
    lib: ['es2022'],
    types: ['node'],
  },
  'nodenext, without the DOM': { module: 'nodenext', lib: ['es2022'], types: ['node'] },
  'node16, in CommonJS': { module: 'node16', lib: ['es2022'], types: ['node'], commonjs: true },
}

const program = (from: string): string => `
import { createDriveway, errorAdvice, isDrivewayError } from '${from}'
import type { Document, UploadOptions } from '${from}'

const driveway = createDriveway({ baseUrl: 'https://api.example.com', token: async () => 'token' })
export async function store(bytes: Blob, options: UploadOptions): Promise<Document | undefined> {
  try {
    return await driveway.upload(bytes, options)
  } catch (error) {
    if (!isDrivewayError(error, 'connection_requires_reauth')) throw error
    console.log(errorAdvice[error.code], error.connectionId)
    return undefined
  }
}
`

const onServers = (from: string): string => `${program(from)}
import { fileSource } from '${packageName('client')}/node'
export const stored = async (path: string): Promise<Document> => driveway.upload(await fileSource(path))
`

/**
 * Compiles a program that uses the client as strictly as there is, under each of the settings.
 * @param folder one in which the client is installed
 * @param which some of the settings; all when left out
 * @returns what tsc says, by the setting; empty where it is content
 */
export function typeFaults(
  folder: string,
  which: readonly string[] = Object.keys(settings),
): Record<string, string> {
  const wanted = Object.entries(settings).filter(([name]) => which.includes(name))
  const faults = wanted.map(([name, { commonjs, types, ...modules }], at) => {
    const file = `program-${String(at)}.${commonjs ? 'cts' : 'mts'}`
    const text = types.length > 0 ? onServers : program
    writeFileSync(join(folder, file), text(packageName('client')))
    const compilerOptions = {
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      noEmit: true,
      target: 'es2022',
      types,
      ...modules,
    }
    const project = join(folder, `tsconfig-${String(at)}.json`)
    writeFileSync(project, JSON.stringify({ compilerOptions, files: [file] }))
    return [name, spawnSync(process.execPath, [tsc, '-p', project], { encoding: 'utf8' }).stdout]
  })
  return Object.fromEntries(faults) as Record<string, string>
}
