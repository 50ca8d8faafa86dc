import { isServiceError } from '../../errors.ts'
import type { ProviderHttp } from '../../net/provider-http.ts'
import type { PutTarget, UploadPlan } from '../../storage/backend.ts'
import { contentOf, plainContentType } from '../../storage/content.ts'
import type { GraphApi } from './api.ts'
import { byId, byName, byPath, placeOf } from './names.ts'
import type { DriveItem } from './wire.ts'
import { toEntry } from './wire.ts'

export interface OneDriveParts {
  readonly http: ProviderHttp
  readonly graph: GraphApi
  readonly folder: string | undefined
}

type Plan = Omit<UploadPlan, 'size'>

/** How one kind of write is done, at a place that is free and at an item that stands there. */
interface Write<Result> {
  /** Fails with 409 or 412 when something is there after all, so that a new document costs no question. */
  create(address: string): Promise<Result>
  existing(item: DriveItem): Promise<Result>
}

/**
 * Runs a write where the content of a plan without a target belongs: at its path when nothing is there; at the item that stands at its
 * path; or beside that one, when it belongs to a document whose id differs in case only.
 */
export async function writeAtPlace<Result>(
  { graph, folder }: OneDriveParts,
  plan: Plan,
  write: Write<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  const place = placeOf(folder, plan.userId, plan.documentId, plan.extension)
  const at = async (name: string): Promise<Result | undefined> => {
    const address = byPath(place.folders, name)
    try {
      return await inFolders(() => write.create(address))
    } catch (error) {
      const occupied = isServiceError(error) && [409, 412].includes(error.context.providerStatus ?? 0)
      const item = occupied ? await graph.findItem(address, signal) : undefined
      // Nothing there, and yet taken: an open session holds the name. The error says to come back later.
      if (!item) throw error
      return item.name === name ? write.existing(item) : undefined
    }
  }
  const result = (await at(place.name)) ?? (await at(place.otherName))
  if (result === undefined) throw new TypeError('Both names of the document belong to others.')
  return result

  async function inFolders(create: () => Promise<Result>): Promise<Result> {
    try {
      return await create()
    } catch (error) {
      // Most accounts make missing folders on the way, some answer 404.
      if (!isServiceError(error, 'object_missing')) throw error
      await graph.createFolders(place.folders, signal)
      return create()
    }
  }
}

/** The item of this plan, by id or by path; its name has to be exactly the document's. */
export async function findByPlan(
  { graph, folder }: OneDriveParts,
  plan: Plan,
  signal?: AbortSignal,
): Promise<DriveItem | undefined> {
  if (plan.target) {
    const item = await graph.findItem(byId(plan.target.objectKey), signal)
    // Nothing has been written into it yet.
    return plan.target.kind === 'placeholder' && item?.size === 0 ? undefined : item
  }
  const { folders, name, otherName } = placeOf(folder, plan.userId, plan.documentId, plan.extension)
  const item = await graph.findItem(byPath(folders, name), signal)
  if (!item || item.name === name) return item
  return graph.findItem(byPath(folders, otherName), signal)
}

/** An empty item at the plan's place; one that stands there with content is to be replaced. */
export async function placeholderFor(
  parts: OneDriveParts,
  plan: Plan,
  signal?: AbortSignal,
): Promise<PutTarget> {
  const empty = contentOf(new Uint8Array())
  const placed = await writeAtPlace(
    parts,
    plan,
    {
      create: (address) =>
        parts.graph.putContent(
          address,
          {
            body: { length: 0, open: () => empty.open() },
            contentType: plainContentType(plan.contentType),
            createOnly: true,
          },
          signal,
        ),
      existing: (item) => Promise.resolve(item),
    },
    signal,
  )
  const { objectKey, size } = toEntry(placed)
  return { kind: size === 0 ? 'placeholder' : 'replace', objectKey }
}

/**
 * Where a session for an item is opened: personal accounts refuse one that is addressed by id alone.
 * https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/7838
 */
export function sessionAddress({ id, name, parentReference }: DriveItem): string {
  return name === undefined || parentReference?.id === undefined ? byId(id) : byName(parentReference.id, name)
}
