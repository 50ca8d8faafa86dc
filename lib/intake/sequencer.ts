/**
 * Orders two events of the same key: negative when `a` happened before `b`. The shorter one counts as padded with zeros on the right.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
 */
export function compareSequencers(a: string, b: string): number {
  const length = Math.max(a.length, b.length)
  const left = a.toUpperCase().padEnd(length, '0')
  const right = b.toUpperCase().padEnd(length, '0')
  if (left === right) return 0
  return left < right ? -1 : 1
}
