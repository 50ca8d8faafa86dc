import * as z from 'zod/mini'
import { bytes, time, userId } from './fields.ts'
import { answer, part } from './words.ts'

/** What is asked and answered about users as such. */

export const userPath = z.strictObject({ userId })
export const eraseQuery = z.strictObject({ files: z.optional(z.enum(['keep', 'delete'])) })
export const exportQuery = z.strictObject({ cursor: z.optional(z.string().check(z.maxLength(128))) })

const erasure = part({
  id: [z.string(), 'The erasure’s id, and that of its event.'],
  userId: [userId, 'Who is erased.'],
  status: [
    z.enum(['running', 'waiting', 'done']),
    'waiting: nothing is there any more but marks that keep late writes out.',
  ],
  files: [z.enum(['keep', 'delete']), 'What becomes of the files in the user’s own drive.'],
  startedAt: [time, 'When it was asked for.'],
  doneAt: [z.optional(time), 'When it was done.'],
  counts: [z.record(z.string(), bytes), 'What there was: connections, documents, objects; filesLeft.'],
  kept: [
    z.array(
      part({
        what: [z.string(), 'What outlives the erasure.'],
        until: [time, 'When it ends by itself.'],
      }),
    ),
    'What cannot be taken back.',
  ],
})
export const erasureAnswer = answer('ErasureAnswer', { erasure: [erasure, 'The erasure.'] })
export const exportAnswer = answer('ExportAnswer', {
  rows: [
    z.array(
      part({
        table: [z.string(), 'Where it is kept.'],
        row: [z.record(z.string(), z.unknown()), 'As it is kept.'],
      }),
    ),
    'The rows of this page.',
  ],
  nextCursor: [z.optional(z.string()), 'The cursor of the next page; absent at the end.'],
})
