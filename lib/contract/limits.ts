/** Numbers that clients, functions and infrastructure share. This file imports nothing. */

const KiB = 1024
const MiB = 1024 * KiB

/**
 * The largest inline PUT body: Lambda's 6 MB request with base64 inside.
 * https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
 */
export const maxInlineBytes = 4 * MiB

/** Above this, GET content answers 303: the gateway slows streams to 2 MB/s after the first megabytes. */
export const maxStreamedBytes = 10 * MiB

/** JSON request bodies are small; a larger one is not ours. */
export const maxJsonBytes = 64 * KiB

/** One upload fragment to a drive: a multiple of OneDrive's 320 KiB and of Drive's 256 KiB. */
export const chunkSize = 10 * MiB

/** Connections that one user may have, where the deployment does not say. */
export const defaultConnectionsPerUser = 50

/** How long a drive where nothing happens is not looked at, where the deployment does not say. */
export const defaultChangesWithinMinutes = 15

/** The longest life of an authorization `state` and of a completion code, seconds. */
export const authorizationLifetimeSeconds = 600

/** A token that ends within this time is refreshed before the call, seconds. */
export const refreshAheadSeconds = 60

export const downloadUrlMinutes = { default: 60, max: 7 * 24 * 60 } as const
export const contentLinkMinutes = { default: 5, max: 60 } as const
export const uploadUrlMinutes = { default: 15, max: 7 * 24 * 60 } as const

/** The life of an intake upload URL, minutes. */
export const intakeUrlMinutes = 60

/** S3's own limit for one PUT. https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
export const maxIntakeBytes = 5 * 1024 * MiB

/** An upload in parts: from so many bytes on, to the largest file of any drive, open for so many days. */
export const minPartsBytes = 5 * MiB
export const maxPartsBytes = 5 * 1024 * 1024 * MiB
export const partsDays = 7
/** So many parts are signed by one call. */
export const partsPerCall = 100

export const listLimit = { default: 50, max: 200 } as const

/** What the folder in users' drives may be called: a name that every drive takes as it stands; or nothing. */
export const driveFolder = {
  pattern:
    /^(?!(?:con|prn|aux|nul|com\d|lpt\d|desktop\.ini)(?:\.|$)|\.lock$|[ ~]|.*_vti_)[^/\\"'<>|:*?\p{Cc}]{0,64}(?<![ .])$/iu,
  mustBe:
    'one folder name that every drive takes: at most 64 characters, none of / \\ " \' < > | : * ?, no blank or dot at its end, and none that Windows keeps for itself',
} as const
