import type { Item, Version } from './records.ts'

/** A drive keeps so many versions of a file here; the real ones keep hundreds. */
export const MOST_VERSIONS = 10

/** What the file holds now, as it is listed once it is history. */
export function versionOf({ cVersion, blob, size, quickXorHash, sha256, modifiedAt }: Item): Version {
  return { id: `${cVersion}.0`, blob: blob ?? '', size, quickXorHash, sha256, modifiedAt }
}
