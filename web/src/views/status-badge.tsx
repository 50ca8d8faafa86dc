export type Tone = 'good' | 'busy' | 'warn' | 'bad' | 'plain'

/** A status as a word with a colour; the word alone says it. */
export function StatusBadge({ tone, children }: { tone: Tone; children: string }) {
  return <span class={`badge badge-${tone}`}>{children}</span>
}
