/** A run of a model: what was done, by whom, on what, and what stands then. */
export interface Step {
  readonly did: string
  readonly who: string
  readonly conn: string
  /** In the words of the model's replay; what the step has changed. */
  readonly stands: Readonly<Record<string, string>>
}
export type Trace = readonly Step[]

/** A model's state as its replay tells it: one line for each thing that there is. */
export type Told = Readonly<Record<string, string>>
export type Plain = null | boolean | number | string | readonly Plain[] | { readonly [name: string]: Plain }

/** The lines that are new, changed, or gone (''). */
export function changes(before: Told, after: Told): Told {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted()
  const changed = names.filter((name) => before[name] !== after[name])
  return Object.fromEntries(changed.map((name) => [name, after[name] ?? '']))
}

/** Repeats a trace step by step. @returns where what `repeat` finds differs from the trace first */
export async function firstDifference(
  trace: Trace,
  repeat: (step: Step) => Promise<Told>,
): Promise<readonly string[]> {
  let expected: Told = {}
  for (const [at, step] of trace.entries()) {
    const lines = Object.entries({ ...expected, ...step.stands })
    expected = Object.fromEntries(lines.filter(([, line]) => line !== ''))
    const differs = changes(expected, await repeat(step))
    const names = Object.keys(differs)
    if (names.length === 0) continue
    const model = Object.fromEntries(names.map((name) => [name, expected[name] ?? '']))
    const act = `step ${String(at)}, ${step.did} ${step.who} ${step.conn}`
    return [`${act}: ${JSON.stringify({ model, code: differs })}`]
  }
  return []
}

/** Values as Quint writes them: https://apalache-mc.org/docs/adr/015adr-trace.html */
function plain(value: unknown): Plain {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value as Plain
  if ('#bigint' in value) return Number(value['#bigint'])
  if ('#set' in value) return plain(value['#set'])
  if ('#tup' in value) return plain(value['#tup'])
  if ('#map' in value)
    return Object.fromEntries(
      (value['#map'] as [unknown, unknown][]).map(([key, one]) => [plain(key), plain(one)]),
    )
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one)]))
}

interface Did {
  readonly did: string
  readonly who: string
  readonly conn?: string
}

/** A trace out of Quint's own format; `tell` says a state of the model in the replay's words. */
export function traceOf<State>(itf: string, tell: (state: State) => Told): Trace {
  const { states } = JSON.parse(itf) as { readonly states: readonly { readonly s: unknown }[] }
  let before: Told = {}
  return states.map(({ s }) => {
    const state = plain(s) as unknown as State & Did
    const after = tell(state)
    const step = { did: state.did, who: state.who, conn: state.conn ?? '', stands: changes(before, after) }
    before = after
    return step
  })
}

/** As few of them as show the most kinds of steps, told by what was done and what it changed. */
export function choose(traces: readonly Trace[], most: number): readonly Trace[] {
  const kinds = ({ did, stands }: Step): string =>
    `${did} ${Object.entries(stands)
      .map(([name, line]) => `${name}:${line}`.replaceAll(/\d+|[xyz]+/g, ''))
      .toSorted()
      .join('|')}`
  const seen = new Set<string>()
  const news = (trace: Trace): number => new Set(trace.map(kinds).filter((kind) => !seen.has(kind))).size
  const chosen: Trace[] = []
  while (chosen.length < Math.min(most, traces.length)) {
    const best = traces.toSorted((one, other) => news(other) - news(one))[0] ?? []
    chosen.push(best)
    for (const step of best) seen.add(kinds(step))
  }
  return chosen
}

/** One line a step, and an empty one behind each trace. */
export const textOf = (traces: readonly Trace[]): string =>
  traces
    .flatMap((trace) => [
      ...trace.map(({ did, who, conn, stands }) =>
        [
          [did, who, conn].join(' '),
          ...Object.entries(stands).map(([name, line]) => `${name}: ${line}`),
        ].join(' | '),
      ),
      '',
    ])
    .join('\n')

/** What `textOf` has written. */
export function tracesIn(text: string): readonly Trace[] {
  return text
    .trim()
    .split('\n\n')
    .map((trace) =>
      trace.split('\n').map((line) => {
        const [act = '', ...lines] = line.split(' | ')
        const [did = '', who = '', conn = ''] = act.split(' ')
        const stands = lines.map(
          (one) => [one.slice(0, one.indexOf(':')), one.slice(one.indexOf(':') + 2)] as const,
        )
        return { did, who, conn, stands: Object.fromEntries(stands) }
      }),
    )
}
