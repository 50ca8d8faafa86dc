import { chmod, mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import * as z from 'zod/mini'
import { CommandError, exitCodes } from './exit-codes.ts'

const local = z.object({ kind: z.literal('local'), as: z.string() })
const oidc = z.object({
  kind: z.literal('oidc'),
  issuer: z.string(),
  clientId: z.string(),
  tokenEndpoint: z.string(),
  token: z.string(),
  refreshToken: z.optional(z.string()),
  /** Milliseconds since 1970. */
  expiresAt: z.number(),
})
const schema = z.object({
  current: z.optional(z.string()),
  deployments: z.record(z.string(), z.discriminatedUnion('kind', [local, oidc])),
})

export type Config = z.infer<typeof schema>
export type OidcLogin = z.infer<typeof oidc>
export type Login = Config['deployments'][string]

/** Where sign-ins are kept: DRIVEWAY_CONFIG_DIR, else the platform's place for a user's settings. */
export function configFile(env: NodeJS.ProcessEnv = process.env): string {
  if (env['DRIVEWAY_CONFIG_DIR'] !== undefined) return join(env['DRIVEWAY_CONFIG_DIR'], 'config.json')
  const windows = process.platform === 'win32' ? env['APPDATA'] : undefined
  return join(windows ?? env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config'), 'driveway', 'config.json')
}

/** Reads the file; an absent one is an empty one. */
export async function readConfig(): Promise<Config> {
  const file = configFile()
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return { deployments: {} }
    throw error
  }
  try {
    return schema.parse(JSON.parse(text))
  } catch {
    throw new CommandError(
      exitCodes.failure,
      `${file} is damaged. Delete it and sign in again: driveway login`,
    )
  }
}

/** Writes the file whole or not at all, readable by this user only. */
export async function writeConfig(config: Config): Promise<void> {
  const file = configFile()
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const draft = `${file}.${process.pid}`
  await writeFile(draft, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 })
  // The mode above counts only for a file that is new.
  await chmod(draft, 0o600)
  await rename(draft, file)
}

export async function saveLogin(url: string, login: Login | undefined): Promise<void> {
  const config = await readConfig()
  const others = Object.entries(config.deployments).filter(([key]) => key !== url)
  if (login === undefined) await writeConfig({ deployments: Object.fromEntries(others) })
  else await writeConfig({ current: url, deployments: { ...Object.fromEntries(others), [url]: login } })
}

/** True when somebody else on this machine can read the file. Always false where modes do not exist. */
export async function isReadableByOthers(): Promise<boolean> {
  if (process.platform === 'win32') return false
  const found = await stat(configFile()).catch(() => undefined)
  return found !== undefined && (found.mode & 0o077) !== 0
}
