import { reconnect } from './door-acts.ts'
import type { Cloud } from './drives.ts'
import type { Act } from './plan.ts'
import type { Scene } from './scene.ts'

type WeatherAct = (scene: Scene, act: Act) => Promise<void>
const clouds: Readonly<Partial<Record<string, Cloud>>> = {
  'google-drive': 'google',
  onedrive: 'microsoft',
  dropbox: 'dropbox',
}
const cloudFor = ({ place }: Scene): Cloud | undefined => clouds[place.provider]
const longestMs = 1_200_000

/** What befalls a drive for a while. */
export const weatherActs = {
  outage(scene) {
    const cloud = cloudFor(scene)
    if (cloud) scene.network.outages.set(cloud, scene.world.now + Math.floor(scene.dice() * longestMs))
    scene.world.tell(`${scene.place.provider} is out`)
    return Promise.resolve()
  },
  full(scene) {
    const cloud = cloudFor(scene)
    if (!cloud) return Promise.resolve()
    const { control } = scene.deployment.clouds[cloud].definition
    control.setQuota(scene.place.account, 1)
    scene.world.tell(`${scene.place.account} is full`)
    scene.world.after(Math.floor(scene.dice() * longestMs), () => control.setQuota(scene.place.account, 15e9))
    return Promise.resolve()
  },
  'expire-tokens'(scene) {
    const cloud = cloudFor(scene)
    if (cloud) scene.deployment.clouds[cloud].definition.control.expireTokens(scene.place.account)
    return Promise.resolve()
  },
  revoke(scene) {
    const cloud = cloudFor(scene)
    if (!cloud) return Promise.resolve()
    const { control } = scene.deployment.clouds[cloud].definition
    scene.ledger.revoked.add(scene.place.account)
    control.revoke(scene.place.account)
    control.expireTokens(scene.place.account)
    scene.world.tell(`${scene.place.account} withdraws the consent`)
    const reconnectAfter = 60_000 + Math.floor(scene.dice() * longestMs)
    scene.world.after(reconnectAfter, () => void reconnect(scene))
    return Promise.resolve()
  },
} as const satisfies Readonly<Record<string, WeatherAct>>
