import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import type { Server } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { startS3 } from '../../emulators/s3/server.ts'

/** An S3 server that takes the key pair `local` and `local`. */
export interface S3Server {
  readonly endpoint: string
  close(): Promise<void>
}

export interface S3Options {
  readonly stateDir: string
  readonly buckets: readonly string[]
}

/** Which server tests run against: absent for the emulator, else a program of others and its path. */
export const otherS3 = process.env['TEST_S3_SERVER']

/**
 * Starts the emulator, or the server that `TEST_S3_SERVER` names: `versitygw:<program>` or `moto:<python>`.
 * @param notify takes what the server tells of new objects, where it can tell
 */
export async function startS3Server(
  { stateDir, buckets }: S3Options,
  notify?: (body: string) => Promise<unknown>,
): Promise<S3Server> {
  if (otherS3 === undefined) return startS3({ port: 0, stateDir, buckets: [...buckets] })
  const [kind, program = ''] = otherS3.split(/:(.*)/)
  const port = await freePort()
  const webhook = notify === undefined ? undefined : await startWebhook(notify)
  const [args, env] = kind === 'moto' ? moto(port) : versitygw(port, stateDir, webhook?.url)
  const child = spawn(program, args, { env: { PATH: process.env['PATH'], ...env }, stdio: 'ignore' })
  const exited = once(child, 'exit')
  const endpoint = `http://127.0.0.1:${String(port)}`
  await answering(endpoint, child)
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
  const client = new S3Client({ endpoint, region: 'us-east-1', credentials, forcePathStyle: true })
  for (const Bucket of buckets) await client.send(new CreateBucketCommand({ Bucket }))
  client.destroy()
  return {
    endpoint,
    async close() {
      child.kill('SIGTERM')
      const late = setTimeout(() => child.kill('SIGKILL'), 5000)
      await exited
      clearTimeout(late)
      webhook?.server.closeAllConnections()
      webhook?.server.close()
    },
  }
}

type Start = readonly [readonly string[], Readonly<Record<string, string>>]

function moto(port: number): Start {
  return [['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)], {}]
}

/** Its metadata goes beside the files, since not every file system has extended attributes. */
function versitygw(port: number, stateDir: string, webhook: string | undefined): Start {
  const [files, metadata] = ['files', 'metadata'].map((name) => join(stateDir, name))
  for (const folder of [files, metadata]) mkdirSync(folder ?? '', { recursive: true })
  const events = webhook === undefined ? [] : ['--event-webhook-url', webhook]
  const address = `127.0.0.1:${String(port)}`
  const args = ['--port', address, '--quiet', ...events, 'posix', '--sidecar', metadata ?? '', files ?? '']
  return [args, { ROOT_ACCESS_KEY: 'local', ROOT_SECRET_KEY: 'local' }]
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}

/** What versitygw tells goes on as it came, so the product reads another server's words. */
async function startWebhook(
  notify: (body: string) => Promise<unknown>,
): Promise<{ readonly server: Server; readonly url: string }> {
  const server = createServer((req, res) => {
    text(req)
      .then(notify)
      .then(
        () => res.writeHead(204).end(),
        () => res.writeHead(500).end(),
      )
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/` }
}

/** Waits until somebody answers there; at most a minute. */
async function answering(endpoint: string, child: { readonly exitCode: number | null }): Promise<void> {
  for (let tries = 0; tries < 600; tries += 1) {
    if (child.exitCode !== null) break
    const there = await fetch(endpoint).then(
      () => true,
      () => false,
    )
    if (there) return
    await pause(100)
  }
  throw new Error(`${otherS3 ?? ''} does not answer at ${endpoint}`)
}
