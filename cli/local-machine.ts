import { createDriveway } from '../client/src/node.ts'
import type { Context } from './command.ts'
import { CommandError, exitCodes } from './exit-codes.ts'
import { chooseUrl, isLocal, localToken } from './session.ts'

type Machine = Parameters<typeof localToken>[1]

/** The local stack, to a machine that it knows at once; `user`: whom its calls are for. */
export async function localMachine(baseUrl: string, machine: Machine, signal: AbortSignal, user?: string) {
  let token = await localToken(baseUrl, machine, signal)
  return createDriveway({
    baseUrl,
    user,
    async token({ refresh }) {
      if (refresh) token = await localToken(baseUrl, machine, signal)
      return token
    },
  })
}

/** The local stack's address. Rejects where a deployment is meant, saying what is done there `instead`. */
export async function localStackOnly({ text }: Pick<Context, 'text'>, instead: string): Promise<string> {
  const url = await chooseUrl(text('url'))
  if (isLocal(url)) return url
  throw new CommandError(
    exitCodes.notSupported,
    `This is for the local stack, and ${url} is not it. ${instead}`,
  )
}
