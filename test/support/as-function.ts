import { AsyncLocalStorage } from 'node:async_hooks'
import { tables } from '../../lib/contract/tables.ts'
import { localTableName, secretPrefix } from '../../local/environment.ts'
import { functionAtWork } from '../../local/gateway/invoker.ts'
import { refusedCalls } from './roles.ts'
import { watchAwsCalls } from './watch-aws-calls.ts'

/** What one piece of work asks; tests that share a process have calls of their own. */
const calls = new AsyncLocalStorage<Set<string>>()
watchAwsCalls((call) => calls.getStore()?.add(localName(call)))

/** Worlds of one process name their tables and secrets more plainly than the local stack does. */
function localName(call: string): string {
  const [functionName = '', action = '', resource = ''] = call.split(' ')
  const [name = '', ...rest] = resource.split('/')
  const isTable = tables.some((table) => table.name === name)
  const named = isTable
    ? [localTableName(name), ...rest].join('/')
    : resource.replace('driveway/test', secretPrefix)
  return `${functionName} ${action} ${named}`
}

/**
 * Runs a use case as the function that does it in a deployment: rejects when it asked AWS
 * for something that the function's role does not allow.
 */
export async function asFunction<Value>(functionName: string, work: () => Promise<Value>): Promise<Value> {
  const asked = new Set<string>()
  const value = await calls.run(asked, () => functionAtWork.run(functionName, work))
  const refused = refusedCalls([...asked])
  if (refused.length > 0) throw new Error(`The role does not allow it: ${refused.join(', ')}`)
  return value
}
