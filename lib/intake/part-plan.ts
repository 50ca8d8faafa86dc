const MiB = 1024 * 1024

/** S3's limits of an upload in parts. https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const mostParts = 10_000
/** Small enough that a broken line costs little, large enough that few URLs have to be signed. */
const usualBytes = 8 * MiB

export interface PartPlan {
  /** Bytes of every part but the last. */
  readonly partSize: number
  readonly partCount: number
}

/** How `size` bytes are cut: parts of whole MiB, as many as the bucket takes at most. */
export function partPlan(size: number): PartPlan {
  const partSize = Math.max(usualBytes, Math.ceil(size / mostParts / MiB) * MiB)
  return { partSize, partCount: Math.max(1, Math.ceil(size / partSize)) }
}

/** How many bytes part `number` of `size` has, from 1 on. */
export function partBytes(size: number, { partSize }: PartPlan, number: number): number {
  return Math.min(partSize, size - (number - 1) * partSize)
}
