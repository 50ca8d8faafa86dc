import { dueConnections } from '../catalog/due-connections.ts'
import { documentObjects } from '../catalog/document-objects.ts'
import type { FollowDrivesDeps } from '../changes/follow-drives.ts'
import { required } from '../contract/env.ts'
import { defaultChangesWithinMinutes } from '../contract/limits.ts'
import type { Composition } from './composition.ts'
import { lazilyWith } from './once.ts'

/** For following what happens in drives. */
export function openFollowing(composition: Composition): FollowDrivesDeps {
  const { settings, outside, clock } = composition
  return lazilyWith(composition, {
    objects: documentObjects(outside.dynamo(), required(settings, 'DOCUMENTS_TABLE')),
    due: dueConnections(outside.dynamo(), required(settings, 'CONNECTIONS_TABLE'), () => clock.now()),
    longestPauseS: 60 * Number(settings['CHANGES_WITHIN_MINUTES'] ?? defaultChangesWithinMinutes),
    driveNames: settings['DRIVE_NAMES'] === 'true',
  })
}
