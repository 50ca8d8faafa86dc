import type { ProviderAbout } from '../about.ts'

/** The deployment's own bucket, or any S3-compatible server's. */
export const about = {
  id: 's3',
  name: 'Team storage',
  console: {
    pitch: 'Into the S3 bucket of this deployment. No account needed.',
    afterDelete: 'After that it is gone for good.',
    icon: 'M4.5 6.2C4.5 4.7 7.9 3.5 12 3.5s7.5 1.2 7.5 2.7S16.1 9 12 9 4.5 7.7 4.5 6.2zm0 0 1.8 12c.2 1.3 2.7 2.3 5.7 2.3s5.5-1 5.7-2.3l1.8-12',
    hue: 291,
    noAccount: 'Kept by this deployment',
    once: true,
  },
  grant: { kind: 'none' },
  hash: { algorithm: 'sha256', late: false },
  settings: {
    STORAGE_BUCKET: { means: 'S3 bucket of the s3 provider.' },
    STORAGE_ENDPOINT: {
      means: 'Endpoint of an S3-compatible server for the s3 provider; AWS S3 when absent.',
    },
    STORAGE_REGION: { means: 'Region of the storage bucket when it is not the function’s own.' },
  },
} as const satisfies ProviderAbout
