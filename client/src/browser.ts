import { drivewayOver } from './driveway.ts'
import type { Driveway, DrivewayOptions } from './driveway.ts'
import { browserTransport } from './transport-browser.ts'

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

/** A client of the API at `baseUrl`, for browsers. */
export function createDriveway(options: DrivewayOptions): Driveway {
  return drivewayOver(browserTransport, options)
}
