/** What the client adds to the API's codes, for when there is no answer of the API to act on. */
export const ownErrors = {
  network_error: {
    title: 'Network error',
    meaning:
      'No answer came, or the connection broke, also after the safe repeats. A page whose origin the API does not allow sees the same.',
    action:
      'Check the network, and in a page the origins that the API allows (corsOrigins; CORS_ORIGINS of a local stack). Then repeat. What a PUT or DELETE did may have been done.',
  },
  unexpected_answer: {
    title: 'Unexpected answer',
    meaning: 'Something between the client and the API answered.',
    action: 'Look at status: a proxy, a wrong baseUrl, or an outage.',
  },
  download_changed: {
    title: 'Download changed',
    meaning: 'The document was replaced while it was being downloaded.',
    action: 'Throw away what has come and download again.',
  },
  stalled: {
    title: 'Stalled',
    meaning: 'A transfer to the drive showed no progress for ten minutes.',
    action: 'It goes on without you: ask for the document later, or listen to events.',
  },
} as const
