/**
 * The scope on npm under which the packages stand: whoever owns it can publish them. Nothing else in the
 * sources says it; `npm run generate` carries a change into the manifests and the pages.
 */
export const scope = '@driveway-storage'

/** What is published, each by the folder that it is described in. */
export const published = ['client', 'cli', 'simulators', 'conformance', 'cdk'] as const

export type Published = (typeof published)[number]

export const packageName = (name: Published): string => `${scope}/${name}`
