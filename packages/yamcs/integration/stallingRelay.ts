/** A relay between a client and a server that stops reading what the server sends, as a client does that is too busy. */
import * as Effect from "effect/Effect"
import { connect, createServer, type Socket } from "node:net"

export const make = (baseUrl: string) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.async<{ readonly port: number; readonly servers: Set<Socket>; readonly close: () => void }>((resume) => {
        const { hostname, port } = new URL(baseUrl)
        const servers = new Set<Socket>()
        const clients = new Set<Socket>()
        const relay = createServer((client) => {
          const server = connect(Number(port), hostname)
          servers.add(server)
          clients.add(client)
          client.on("error", () => server.destroy()).on("close", () => server.destroy())
          server.on("error", () => client.destroy()).on("close", () => {
            servers.delete(server)
            client.destroy()
          })
          client.on("data", (data) => server.write(data))
          server.on("data", (data) => client.write(data))
        })
        const close = () => {
          for (const client of clients) client.destroy()
          relay.close()
        }
        relay.listen(0, "127.0.0.1", () => {
          const address = relay.address()
          const port = address !== null && typeof address === "object" ? address.port : 0
          resume(Effect.succeed({ port, servers, close }))
        })
      }),
      ({ close }) => Effect.sync(close)
    ),
    ({ port, servers }) => ({
      baseUrl: `http://127.0.0.1:${port}`,
      stall: Effect.sync(() => servers.forEach((server) => server.pause())),
      resume: Effect.sync(() => servers.forEach((server) => server.resume()))
    })
  )
