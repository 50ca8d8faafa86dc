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
  async outage(scene) {
    const cloud = cloudFor(scene)
    if (cloud) await scene.ground.outage(cloud, Math.floor(scene.dice() * longestMs))
    scene.ground.tell(`${scene.place.provider} is out`)
  },
  async full(scene) {
    const cloud = cloudFor(scene)
    if (!cloud) return
    const { ground, place } = scene
    const { setQuota } = ground.control(cloud)
    await setQuota(place.account, 1)
    ground.tell(`${place.account} is full`)
    ground.after(Math.floor(scene.dice() * longestMs), () => void setQuota(place.account, 15e9))
  },
  async 'expire-tokens'(scene) {
    const cloud = cloudFor(scene)
    if (cloud) await scene.ground.control(cloud).expireTokens(scene.place.account)
  },
  async revoke(scene) {
    const cloud = cloudFor(scene)
    if (!cloud) return
    const { ground, ledger, place } = scene
    const { revoke, expireTokens } = ground.control(cloud)
    ledger.revoked.add(place.account)
    await revoke(place.account)
    await expireTokens(place.account)
    ground.tell(`${place.account} withdraws the consent`)
    const reconnectAfter = 60_000 + Math.floor(scene.dice() * longestMs)
    ground.after(reconnectAfter, () => void reconnect(scene))
  },
} as const satisfies Readonly<Record<string, WeatherAct>>
