import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { open } from 'node:fs/promises'

// Not in Node's type declarations, which leave WebAssembly to the DOM library.
declare const WebAssembly: {
  Memory: new (size: { initial: number; maximum: number; shared: true }) => {
    readonly buffer: SharedArrayBuffer
  }
}

/** One megabyte of page-aligned memory that hash workers see as well. */
export interface Block {
  bytes: Buffer
  /** where it begins in the shared memory */
  at: number
}

export const BLOCK = 1024 * 1024
/** Direct I/O works on whole sectors: positions and lengths are multiples of this. */
export const SECTOR = 4096
const COUNT = 64
const WASM_PAGE = 65_536

/**
 * A fixed stock of blocks: whatever runs at once, content takes this much memory and
 * no more. WebAssembly memory is the one kind whose alignment the platform guarantees.
 */
export interface BlockPool {
  memory: SharedArrayBuffer
  /** undefined when all are in use: go on without one */
  take(): Block | undefined
  give(block: Block): void
}

/** Sets the memory aside; pages are only taken from the system once they are written to. */
export function openBlockPool(): BlockPool {
  const pages = (COUNT * BLOCK) / WASM_PAGE
  const { buffer } = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
  const free: Block[] = Array.from({ length: COUNT }, (_, i) => ({
    bytes: Buffer.from(buffer, i * BLOCK, BLOCK),
    at: i * BLOCK,
  }))
  return {
    memory: buffer,
    // The last one given back comes first: few concurrent transfers touch few pages.
    take: () => free.pop(),
    give: (block) => void free.push(block),
  }
}

/**
 * Opens past the page cache, so that gigabytes passing through neither evict what others need nor pay
 * for fresh pages. Undefined where the platform or the file system has no such thing (macOS, tmpfs).
 */
export async function openDirect(path: string, flags: number): Promise<FileHandle | undefined> {
  const direct = constants.O_DIRECT
  return direct === undefined ? undefined : open(path, flags | direct).catch(() => undefined)
}
