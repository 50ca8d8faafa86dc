import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startTlsProxy } from '../simulators/bench/tls-proxy.ts'
import { simulators } from '../simulators/registry.ts'
import { selfSigned } from '../simulators/test/microsoft/self-signed.ts'

export const oauthClient = {
  clientId: '1001-verify.apps.googleusercontent.com',
  clientSecret: 'verify-secret',
  redirectUris: ['http://localhost/callback'],
}

/** The simulators under the providers' own names, for programs that heed a proxy's settings. */
export interface Providers {
  /** What such a program has to have in its environment: the proxy, and whom to trust. */
  readonly env: Readonly<Record<string, string>>
  /** Hosts that were asked for and are nobody's here. */
  readonly refused: readonly string[]
  close(): Promise<void>
}

/** Starts every simulator and the proxy, with all state below the folder. */
export async function startProviders(folder: string): Promise<Providers> {
  const running = await Promise.all(
    Object.entries(simulators).map(([id, start]) =>
      start({ port: 0, stateDir: join(folder, id), clients: [oauthClient] }),
    ),
  )
  const certificate = selfSigned(running.flatMap(({ hosts }) => hosts))
  const targets = running.flatMap(({ hosts, origin }) => hosts.map((host) => [host, origin] as const))
  const proxy = await startTlsProxy(certificate, new Map(targets))
  const authority = join(folder, 'authority.pem')
  await writeFile(authority, certificate.cert)
  return {
    env: {
      HTTPS_PROXY: proxy.url,
      https_proxy: proxy.url,
      NO_PROXY: '',
      SSL_CERT_FILE: authority,
      REQUESTS_CA_BUNDLE: authority,
      HTTPLIB2_CA_CERTS: authority,
    },
    refused: proxy.refused,
    async close() {
      await proxy.close()
      await Promise.all(running.map((simulator) => simulator.close()))
    },
  }
}
