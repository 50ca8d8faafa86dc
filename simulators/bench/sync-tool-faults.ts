import type { Fault, Provider } from './sync-tool-clouds.ts'

const throttled = { type: 'status', status: 429, headers: { 'retry-after': '1' } }
const unavailable = { type: 'status', status: 503 }
const reset = { type: 'reset' }

/** Where faults meet the tool: within a long upload, where uploads begin, and where folders are listed. */
export const FAULTS: Record<Provider, Record<'fragments' | 'uploads' | 'lists', Fault[]>> = {
  google: {
    fragments: [
      { match: { fragment: 3 }, times: 1, action: unavailable },
      { match: { fragment: 6 }, times: 1, action: { ...reset, afterBytes: 300_000 } },
      { match: { fragment: 9 }, times: 1, action: throttled },
    ],
    uploads: [
      { match: { method: 'POST', path: '^/upload/' }, times: 3, action: throttled },
      { match: { method: 'POST', path: '^/upload/' }, times: 3, action: unavailable },
      { match: { method: 'POST', path: '^/upload/' }, times: 2, action: { ...reset, afterBytes: 100 } },
    ],
    lists: [
      {
        match: { method: 'GET', path: '^/drive/v3/files\\?' },
        times: 2,
        action: { type: 'status', status: 403, reason: 'userRateLimitExceeded' },
      },
      { match: { method: 'GET', path: '^/drive/v3/files\\?' }, times: 1, action: reset },
    ],
  },
  microsoft: {
    fragments: [
      { match: { fragment: 2 }, times: 1, action: unavailable },
      { match: { fragment: 5 }, times: 1, action: { ...reset, afterBytes: 1_000_000 } },
      { match: { fragment: 8 }, times: 1, action: throttled },
    ],
    uploads: [
      { match: { method: 'POST', path: 'createUploadSession' }, times: 2, action: throttled },
      { match: { method: 'POST', path: 'createUploadSession' }, times: 2, action: unavailable },
      { match: { fragment: 1 }, times: 2, action: { ...reset, afterBytes: 10 } },
    ],
    lists: [
      { match: { method: 'GET', path: '/children' }, times: 2, action: throttled },
      { match: { method: 'GET', path: '/children' }, times: 1, action: reset },
    ],
  },
  dropbox: {
    fragments: [
      { match: { fragment: 2 }, times: 1, action: unavailable },
      { match: { fragment: 5 }, times: 1, action: { ...reset, afterBytes: 1_000_000 } },
      { match: { fragment: 8 }, times: 1, action: throttled },
    ],
    uploads: [
      { match: { path: '/upload_session/start' }, times: 2, action: throttled },
      { match: { path: '/upload_session/start' }, times: 2, action: unavailable },
      { match: { path: '/upload_session/start' }, times: 2, action: reset },
    ],
    lists: [
      { match: { path: '/list_folder' }, times: 2, action: throttled },
      { match: { path: '/list_folder' }, times: 1, action: reset },
    ],
  },
}
