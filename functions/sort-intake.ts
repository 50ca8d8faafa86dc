import type { SQSBatchResponse } from 'aws-lambda'
import type { Composition } from '../lib/compose/composition.ts'
import { openSort } from '../lib/compose/intake.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { sortArrivals } from '../lib/intake/sort.ts'

/** SQS hands over what S3 tells of the intake bucket; each object goes on in the short or the long lane. */
export const handlerIn = (composition: Composition) => {
  const open = openSort(composition)
  return (event: unknown): Promise<SQSBatchResponse> => sortArrivals(open(), event)
}

export const handler = handlerIn(thisProcess)
