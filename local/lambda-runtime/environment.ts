import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { FunctionAnswer } from './runtime-api.ts'
import { FunctionError, openRuntimeApi } from './runtime-api.ts'

/** A function as it is deployed. */
export interface DeployedFunction {
  readonly name: string
  /** The folder that the bundle is in: Lambda's task root. */
  readonly directory: string
  readonly handler: string
  readonly timeoutMs: number
  readonly memoryMiB: number
  /** All that the function finds in its environment beside Lambda's own variables. */
  readonly environment: Readonly<Record<string, string>>
}

/** One execution environment: a process that serves one event at a time. */
export interface ExecutionEnvironment {
  invoke(event: unknown): { answer: Promise<FunctionAnswer>; over: Promise<void> }
  /** True when the process has ended, by itself or because the function ran out of time. */
  readonly ended: boolean
  close(): Promise<void>
}

/**
 * Lambda's own variables.
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
 */
function lambdaVariables(fn: DeployedFunction, runtimeApi: string): Record<string, string> {
  return {
    _HANDLER: fn.handler,
    LAMBDA_TASK_ROOT: fn.directory,
    AWS_LAMBDA_RUNTIME_API: runtimeApi,
    AWS_LAMBDA_FUNCTION_NAME: fn.name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(fn.memoryMiB),
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${fn.name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: 'local',
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
    TZ: ':UTC',
    LANG: 'en_US.UTF-8',
    HOME: '/tmp',
  }
}

/** Starts a bundle as Lambda does: a process of its own, told everything by its environment. */
export async function startEnvironment(
  fn: DeployedFunction,
  log: (line: string) => void,
): Promise<ExecutionEnvironment> {
  const api = await openRuntimeApi(`arn:aws:lambda:eu-central-1:000000000000:function:${fn.name}`)
  const bootstrap = new URL('./bootstrap.ts', import.meta.url).pathname
  // Another client of the runtime API can stand in, AWS's own for one.
  const client = process.env['LAMBDA_RUNTIME_CLIENT'] ?? bootstrap
  const child: ChildProcess = spawn(process.execPath, [client, fn.handler], {
    cwd: fn.directory,
    env: { ...fn.environment, ...lambdaVariables(fn, api.address) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  for (const output of [child.stdout, child.stderr]) {
    output?.setEncoding('utf8').on('data', (text: string) => log(text))
  }
  const exit = once(child, 'exit')
  let ended = false
  child.once('exit', (code, signal) => {
    ended = true
    api.fail(new FunctionError('Runtime.ExitError', `The process ended with ${String(code ?? signal)}.`))
    api.close()
  })
  const outOfTime = (): void => {
    api.fail(new FunctionError('Sandbox.Timedout', `Task timed out after ${fn.timeoutMs / 1000} seconds`))
    child.kill('SIGKILL')
  }
  return {
    get ended() {
      return ended
    },
    invoke(event) {
      const timer = setTimeout(outOfTime, fn.timeoutMs)
      const { answer, over } = api.invoke(randomUUID(), event, Date.now() + fn.timeoutMs)
      void over.then(() => clearTimeout(timer))
      return { answer, over }
    },
    async close() {
      child.kill('SIGKILL')
      await exit
      api.close()
    },
  }
}
