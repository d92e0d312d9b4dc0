/**
 * The server of the sockets' benchmark, in a process of its own: it speaks as Yamcs does, and sends so many messages of
 * each subscription as it is told.
 */
import { createServer } from "node:http"
import type { WebSocket } from "ws"
import { WebSocketServer } from "ws"

interface Connection {
  readonly socket: WebSocket
  readonly calls: Array<{ readonly call: number; readonly topic: string; seq: number }>
}

/** By the path of its handshake. */
const connections = new Map<string, Connection>()

const server = createServer()
const sockets = new WebSocketServer({ server, perMessageDeflate: false })

sockets.on("connection", (socket, request) => {
  const connection: Connection = { socket, calls: [] }
  connections.set(request.url ?? "", connection)
  socket.on("message", (text) => {
    const { id, type } = JSON.parse(String(text)) as { readonly id: number; readonly type: string }
    if (type === "state") return socket.send(JSON.stringify({ type: "state" }))
    const call = connection.calls.length + 1
    connection.calls.push({ call, topic: type, seq: 0 })
    socket.send(JSON.stringify({ type: "reply", call, data: { replyTo: id } }))
    if (call === subscriptions) process.send?.({ subscribed: request.url })
  })
})

const subscriptions = 20

process.on("message", ({ count, path }: { readonly count: number; readonly path: string }) => {
  const connection = connections.get(path)
  if (connection === undefined) throw new Error(`nobody is connected at ${path}`)
  for (let round = 0; round < count; round++) {
    for (const entry of connection.calls) {
      connection.socket.send(JSON.stringify({
        type: entry.topic,
        call: entry.call,
        seq: entry.seq++,
        data: {
          source: "CommandHistory",
          generationTime: "2026-06-01T12:00:00.000Z",
          receptionTime: "2026-06-01T12:00:00.003Z",
          seqNumber: entry.seq,
          type: "CMDHIST",
          message: "SWITCH_VOLTAGE_ON(1) acknowledged",
          severity: "INFO"
        }
      }))
    }
  }
})

server.listen(0, "127.0.0.1", () => process.send?.(server.address()))
process.once("disconnect", () => process.exit())
