import { apiWith, drivewayOver } from './driveway.ts'
import type { Driveway, DrivewayOptions } from './driveway.ts'
import { machineCalls } from './machine-calls.ts'
import type { MachineCalls } from './machine-calls.ts'
import { nodeTransport } from './transport-node.ts'

export type { Driveway, DrivewayOptions } from './driveway.ts'
export type { Download, DownloadOptions } from './download.ts'
export { DrivewayError, isDrivewayError } from './errors.ts'
export type {
  ClientErrorCode,
  Connection,
  Document,
  DocumentsAnswer,
  DrivewayEvent,
  ErrorCode,
  Health,
} from './generated.ts'
export { errorAdvice, maxInlineBytes } from './generated.ts'
export type { Uploadable, UploadSource } from './transport.ts'
export type { UploadOptions, UploadProgress } from './upload-options.ts'
export { fileSource } from './transport-node.ts'

/** With what servers alone may ask. */
export type ServerDriveway = Driveway & MachineCalls

/** A client of the API at `baseUrl`, for Node. */
export function createDriveway(options: DrivewayOptions): ServerDriveway {
  return { ...drivewayOver(nodeTransport, options), ...machineCalls(apiWith(options)) }
}
