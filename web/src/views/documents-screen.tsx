import { useSignal } from '@preact/signals'
import type { Document as StoredDocument } from '../../../client/src/browser.ts'
import { useConsole } from '../console-state.ts'
import { ConnectTiles } from './connect-tiles.tsx'
import { DetailsDialog } from './details-dialog.tsx'
import { DocumentTable } from './document-table.tsx'
import { Filters } from './filters.tsx'
import { UploadIcon } from './icons.tsx'
import { Problem } from './problem.tsx'
import { UploadBar } from './upload-bar.tsx'
import { UploadsPanel } from './uploads-panel.tsx'

/** The documents, and the way in for more. */
export function DocumentsScreen() {
  const { connections, documents } = useConsole()
  const opened = useSignal<StoredDocument | undefined>(undefined)
  const rows = documents.rows.value
  const list = connections.list.value
  const problem = documents.problem.value ?? connections.problem.value
  const isNew =
    list !== undefined &&
    connections.active.value.length === 0 &&
    rows?.length === 0 &&
    !documents.isFiltered.value
  // What is open follows the list, as long as it is on it.
  const current = rows?.find(({ id }) => id === opened.value?.id) ?? opened.value
  return (
    <>
      <div class="page-head">
        <div>
          <h1>Documents</h1>
          <p class="soft">Stored in your own drives, proven by checksum.</p>
        </div>
        {!isNew && <UploadBar />}
      </div>
      {problem !== undefined && <Problem error={problem} onRetry={documents.refresh} />}
      <UploadsPanel />
      {isNew ? (
        <FirstRun />
      ) : (
        <section class="card documents" aria-label="Documents">
          <Filters />
          <DocumentTable onOpen={(document) => void (opened.value = document)} />
          <Pager />
        </section>
      )}
      {current !== undefined && opened.value !== undefined && (
        <DetailsDialog document={current} onClose={() => void (opened.value = undefined)} />
      )}
    </>
  )
}

/** For somebody who has nothing yet: what to do, in order. */
function FirstRun() {
  return (
    <section class="card first-run" aria-labelledby="first-run-heading">
      <h2 id="first-run-heading">Two steps, and the first document is in your drive</h2>
      <ol class="steps">
        <li>
          <span class="step-number" aria-hidden="true">
            1
          </span>
          <div>
            <h3>Connect a drive</h3>
            <p class="soft">
              You approve it on the drive’s own page, once. Driveway works only with the documents that it
              stores there.
            </p>
            <ConnectTiles />
          </div>
        </li>
        <li class="step-later">
          <span class="step-number" aria-hidden="true">
            2
          </span>
          <div>
            <h3>
              <UploadIcon /> Drop files anywhere on this page
            </h3>
            <p class="soft">Any number, up to 5 GB each. You see them arrive, and that every bit is there.</p>
          </div>
        </li>
      </ol>
    </section>
  )
}

function Pager() {
  const { documents } = useConsole()
  const number = documents.pageNumber.value
  if (number === 1 && !documents.hasNext.value) return null
  return (
    <nav class="pager" aria-label="Pages">
      <button class="button small" type="button" disabled={number === 1} onClick={documents.previous}>
        Previous
      </button>
      <span class="soft">Page {number}</span>
      <button class="button small" type="button" disabled={!documents.hasNext.value} onClick={documents.next}>
        Next
      </button>
    </nav>
  )
}
