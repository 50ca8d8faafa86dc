/** A setting that does not fit; the message names each one and says what it must be. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
}

/** How many letters have to be put in, taken out or changed. */
function distance(one: string, other: string): number {
  let above = Array.from({ length: other.length + 1 }, (_, at) => at)
  for (const [row, letter] of Array.from(one).entries()) {
    const line = [row + 1]
    for (const [at, its] of Array.from(other).entries())
      line.push(
        Math.min((above[at] ?? 0) + (letter === its ? 0 : 1), (above[at + 1] ?? 0) + 1, (line[at] ?? 0) + 1),
      )
    above = line
  }
  return above.at(-1) ?? 0
}

/** The name that was probably meant, if any is near; of two as near, the one that begins alike. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  const alike = (known: string): number => Array.from(known).findIndex((letter, at) => letter !== name[at])
  const [best] = names
    .map((known) => ({ known, far: distance(name.toLowerCase(), known.toLowerCase()) }))
    .toSorted((a, b) => a.far - b.far || alike(b.known) - alike(a.known))
  return best !== undefined && best.far <= Math.max(2, name.length / 3) ? best.known : undefined
}
