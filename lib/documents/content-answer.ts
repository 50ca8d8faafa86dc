import type { GetOutcome } from './get-document.ts'

/** What was found of a document's content, as HTTP. */
export function contentAnswer(outcome: GetOutcome, more: Record<string, string> = {}) {
  if (outcome.kind === 'elsewhere')
    // Only here does such a URL leave us: for whoever may read, in the header it is meant for.
    return { status: 303, headers: { location: outcome.url.reveal(), ...more } }
  const headers = { ...outcome.headers, ...more }
  return outcome.kind === 'not-modified'
    ? { status: 304, headers }
    : { status: outcome.status, headers, stream: outcome.body }
}
