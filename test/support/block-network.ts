import net from 'node:net'

/** Tests talk to this machine only: a connection to anywhere else fails at once, by name. */
const loopback = /^(127\.\d+\.\d+\.\d+|::1|localhost|\[::1\])$/

const { connect } = net.Socket.prototype

if (connect.name !== 'blockedConnect')
  net.Socket.prototype.connect = function blockedConnect(this: net.Socket, ...args: unknown[]): net.Socket {
    const [first] = args.flat(1)
    const options =
      typeof first === 'object' && first !== null
        ? (first as { host?: string; path?: string })
        : { host: args[1] as string | undefined }
    const { host, path } = options as { host?: string; path?: string }
    if (path === undefined && host !== undefined && !loopback.test(host)) {
      throw new Error(`the network is blocked in tests: ${host}`)
    }
    return Reflect.apply(connect, this, args) as net.Socket
  }
