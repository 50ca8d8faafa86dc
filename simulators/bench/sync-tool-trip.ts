import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod/mini'
import type { Cloud, Fault, LoggedRequest } from './sync-tool-clouds.ts'
import { hashTree } from './sync-tool-files.ts'

/**
 * Runs the tool with these arguments; what it wrote to its standard
 * output. Rejects when it ends with another status than 0.
 */
export type Tool = (args: readonly string[], input?: Uint8Array) => Promise<string>

/** Runs one step and prints its line; what the step returns is shown there too. */
export type Step = (name: string, work: () => Promise<string | undefined>) => Promise<void>

export const entries = z.array(z.object({ Path: z.string(), Size: z.number(), IsDir: z.boolean() }))

/** Above what metadata takes, far below the content of a file. */
const METADATA_ONLY = 256 * 1024

/** What the steps of a journey share. */
export interface Trip {
  readonly cloud: Cloud
  readonly tool: Tool
  readonly directory: string
  readonly step: Step
  /** The files here, and what they are a copy of there. */
  readonly up: string
  readonly base: string
  readonly files: string
  readonly listed: (of: string) => Promise<Map<string, number>>
  readonly sameAs: (of: string, local: string) => Promise<string>
  /** The requests that the work made. */
  readonly during: (work: () => Promise<unknown>) => Promise<LoggedRequest[]>
  readonly withoutContent: (work: () => Promise<unknown>) => Promise<string>
  readonly withFaults: (armed: readonly Fault[], work: () => Promise<unknown>) => Promise<string>
}

export function preparedTrip(cloud: Cloud, tool: Tool, directory: string, step: Step): Trip {
  const { remote, simulator } = cloud
  const base = `${remote}:Backups of 2026`
  const listed = async (of: string): Promise<Map<string, number>> => {
    const found = entries.parse(JSON.parse(await tool(['lsjson', '-R', '--files-only', of])))
    return new Map(found.map(({ Path, Size }) => [Path, Size]))
  }
  const sameAs = async (of: string, local: string): Promise<string> => {
    const down = join(directory, 'down')
    await tool(['copy', of, down])
    const got = await hashTree(down)
    assert.deepEqual(sorted(got), sorted(await hashTree(local)))
    await rm(down, { recursive: true, force: true })
    return `${String(got.size)} files the same, byte for byte`
  }
  const during = async (work: () => Promise<unknown>): Promise<LoggedRequest[]> => {
    const before = (await simulator.requests()).length
    await work()
    return (await simulator.requests()).slice(before)
  }
  const withoutContent = async (work: () => Promise<unknown>): Promise<string> => {
    const made = await during(work)
    const bytes = made.reduce((sum, { requestBytes, responseBytes }) => sum + requestBytes + responseBytes, 0)
    assert.ok(bytes < METADATA_ONLY, `${String(bytes)} bytes went over the wire`)
    return `${String(made.length)} requests, ${String(bytes)} bytes`
  }
  const withFaults = async (armed: readonly Fault[], work: () => Promise<unknown>): Promise<string> => {
    await simulator.arm(armed)
    const made = await during(work)
    assert.equal(await simulator.armed(), 0, 'faults that nothing met')
    const times = armed.reduce((sum, fault) => sum + fault.times, 0)
    return `${String(times)} faults met, ${String(made.length)} requests`
  }
  return {
    cloud,
    tool,
    directory,
    step,
    up: join(directory, 'up'),
    base,
    files: `${base}/files`,
    listed,
    sameAs,
    during,
    withoutContent,
    withFaults,
  }
}

function sorted(hashes: ReadonlyMap<string, string>): [string, string][] {
  return [...hashes].toSorted(([a], [b]) => (a < b ? -1 : 1))
}
