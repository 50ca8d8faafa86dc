import type { Exchange } from '../../kernel/exchange.ts'
import type { GoogleState } from '../state.ts'
import { authenticate, FOLDER } from './access.ts'
import { usage } from './content.ts'
import { driveError } from './errors.ts'
import { ABOUT_SCHEMA, applyMask, DRIVES_SCHEMA, parseFields } from './fields.ts'
import { toUser } from './resource.ts'

const DOCUMENT = 'application/vnd.google-apps.document'

/** `GET /drive/v3/about`: who this is and how much room is left; `fields` must be given. */
export async function getAbout(state: GoogleState, x: Exchange): Promise<void> {
  const caller = authenticate(state, x)
  const fields = x.url.searchParams.get('fields')
  if (!fields) {
    throw driveError(400, 'required', {
      message: "The 'fields' parameter is required for this method.",
      location: 'fields',
      locationType: 'parameter',
    })
  }
  const mask = parseFields(fields, ABOUT_SCHEMA)
  const total = usage(state, caller.account.email)
  const inTrash = state.files.where('account', caller.account.email).filter((file) => file.trashed)
  const trashed = inTrash.reduce((sum, file) => sum + (file.content?.size ?? 0), 0)
  const about = {
    kind: 'drive#about',
    user: toUser(caller.account),
    storageQuota: {
      limit: String(caller.account.limitBytes),
      usage: String(total),
      usageInDrive: String(total),
      usageInDriveTrash: String(trashed),
    },
    maxUploadSize: '5242880000000',
    importFormats: {},
    exportFormats: { [DOCUMENT]: ['application/pdf', 'text/plain'] },
    appInstalled: true,
    canCreateDrives: false,
    folderColorPalette: ['#8f8f8f'],
    maxImportSizes: { [DOCUMENT]: '10485760', [FOLDER]: '0' },
  }
  await x.json(200, applyMask(about, mask))
}

/** `GET /drive/v3/drives`: no shared drives here. */
export async function listDrives(state: GoogleState, x: Exchange): Promise<void> {
  authenticate(state, x)
  const mask = parseFields(x.url.searchParams.get('fields') || '*', DRIVES_SCHEMA)
  await x.json(200, applyMask({ kind: 'drive#driveList', drives: [] }, mask))
}
