/** What a user does to a file in the drive, as `Document Changed` says it. */
export const driveChanges = ['edited', 'renamed', 'moved', 'trashed', 'restored', 'removed'] as const
export type DriveChange = (typeof driveChanges)[number]

/** How `tell` is fed from change streams. Infrastructure and the local stack set it up from here. */
export const outbox = {
  /** The tables whose rows carry events. */
  tables: ['connections', 'documents'],
  /**
   * Only writes that carry an event, and the removal that is one; what else happens to a row costs no call.
   */
  patterns: [
    { dynamodb: { NewImage: { event: { M: { id: { S: [{ exists: true }] } } } } } },
    { eventName: ['REMOVE'], dynamodb: { OldImage: { change: { M: { door: { S: ['delete'] } } } } } },
  ],
  batchSize: 100,
  windowSeconds: 1,
  /** A stream keeps its records for 24 hours: what fails that long is put aside before it is gone. */
  recordAgeHours: 23,
} as const
