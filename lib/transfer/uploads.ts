import type { TransferRow } from '../catalog/transfer.ts'
import { isServiceError } from '../errors.ts'
import type { Backend, ObjectEntry, PutTarget, ResumableUploads, UploadPlan } from '../storage/backend.ts'

/** A backend's resumable uploads, when it declares them. */
export function resumableOf(backend: Backend): (Backend & ResumableUploads) | undefined {
  return backend.capabilities.resumableUploads && hasUploads(backend) ? backend : undefined
}

function hasUploads(backend: Backend): backend is Backend & ResumableUploads {
  return (
    backend.beginUpload !== undefined && backend.sendBytes !== undefined && backend.queryUpload !== undefined
  )
}

/** What a transfer's upload is at the provider. */
export function uploadPlanOf(row: TransferRow, size: number): UploadPlan {
  const { userId, documentId, extension, contentType, target } = row
  return { userId, documentId, extension, contentType, size, ...(target ? { target } : {}) }
}

/** The object that this plan would have made, if it is there. */
export async function lookUp(
  backend: Backend,
  plan: UploadPlan,
  signal: AbortSignal,
): Promise<ObjectEntry | undefined> {
  if (backend.findUploaded) return await backend.findUploaded(plan, { signal })
  if (!plan.target) return undefined
  try {
    return await backend.statEntry(plan.target.objectKey, { signal })
  } catch (error) {
    if (isServiceError(error, 'object_missing')) return undefined
    throw error
  }
}

/** An object that exists for one transfer alone. */
export function isOwn(target: PutTarget | undefined): target is PutTarget {
  return target?.kind === 'reserved' || target?.kind === 'placeholder'
}
