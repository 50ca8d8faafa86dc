/** What a look at one thing has found. `note` is worth knowing and no fault. */
export interface Finding {
  readonly kind: 'ok' | 'note' | 'fault'
  readonly says: string
  /** What to do about it. */
  readonly mend?: string
}

export interface Deployed {
  readonly stage: string
  readonly outputs: Readonly<Record<string, string>>
  readonly testAlarm?: boolean
}

export interface Check {
  readonly name: string
  run(): Promise<readonly Finding[]>
}

export const ok = (says: string): Finding => ({ kind: 'ok', says })
export const fault = (says: string, mend: string): Finding => ({ kind: 'fault', says, mend })
export const note = (says: string, mend: string): Finding => ({ kind: 'note', says, mend })

/** The value, or undefined when AWS says that there is none. */
export async function unlessMissing<Value>(
  ask: Promise<Value>,
  ...names: string[]
): Promise<Value | undefined> {
  try {
    return await ask
  } catch (error) {
    if (error instanceof Error && names.includes(error.name)) return undefined
    throw error
  }
}
