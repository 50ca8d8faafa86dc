import type { APIGatewayProxyResult } from 'aws-lambda'
import type { FunctionName } from '../../lib/contract/routes.ts'
import type { InvokeResult, Invoker } from '../gateway/invoker.ts'
import type { DeployedFunction, ExecutionEnvironment } from './environment.ts'
import { startEnvironment } from './environment.ts'
import type { FunctionAnswer } from './runtime-api.ts'
import { FunctionError } from './runtime-api.ts'

/** Runs bundles over the runtime API, as many environments of each function as there are events at once. */
export interface LambdaHost extends Invoker {
  /** All that the functions have written. */
  logs(): string
  close(): Promise<void>
}

export function lambdaHost(functionOf: (name: FunctionName) => DeployedFunction): LambdaHost {
  const idle = new Map<string, ExecutionEnvironment[]>()
  const all = new Set<ExecutionEnvironment>()
  let logs = ''
  const log = (text: string): void => {
    logs += text
  }

  const take = async (name: FunctionName): Promise<ExecutionEnvironment> => {
    const waiting = idle.get(name) ?? []
    for (let found = waiting.pop(); found !== undefined; found = waiting.pop()) if (!found.ended) return found
    const started = await startEnvironment(functionOf(name), log)
    all.add(started)
    return started
  }
  const call = async (name: FunctionName, event: unknown): Promise<FunctionAnswer> => {
    const environment = await take(name)
    const { answer, over } = environment.invoke(event)
    void over.then(() => idle.set(name, [...(idle.get(name) ?? []), environment]))
    return answer
  }
  return {
    async invoke(name, event) {
      const answer = await call(name, event)
      if (answer.kind === 'whole') return answer.payload
      answer.body.destroy()
      throw new FunctionError('Streamed', `${name} streams its answer.`)
    },
    async invokeHttp(name, event) {
      return httpAnswer(await call(name, event))
    },
    logs: () => logs,
    async close() {
      await Promise.all([...all].map((environment) => environment.close()))
    },
  }
}

interface Head {
  readonly statusCode: number
  readonly headers?: Readonly<Record<string, string | number | boolean>>
}

function httpAnswer(answer: FunctionAnswer): InvokeResult {
  // What a proxy integration answers with is the function's own business; API Gateway takes it as it is, too.
  const head = (answer.kind === 'whole' ? answer.payload : answer.prelude) as Head
  const headers = Object.fromEntries(
    Object.entries(head.headers ?? {}).map(([name, value]) => [name, String(value)]),
  )
  if (answer.kind === 'streamed') {
    return { statusCode: head.statusCode, headers, body: answer.body, isBase64Encoded: false }
  }
  const { body, isBase64Encoded } = answer.payload as APIGatewayProxyResult
  return { statusCode: head.statusCode, headers, body, isBase64Encoded: isBase64Encoded === true }
}
