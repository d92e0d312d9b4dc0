/**
 * The server of the loopback benchmark, in a process of its own so that its work is not counted as the client's.
 */
import { createServer } from "node:http"

const body = JSON.stringify({ id: 1, name: "thing", tags: ["a", "b"] })

const server = createServer({ keepAliveTimeout: 60_000 }, (_, response) => {
  response.writeHead(200, { "content-type": "application/json", "content-length": body.length })
  response.end(body)
})

server.listen(0, "127.0.0.1", () => process.send?.(server.address()))
process.once("disconnect", () => process.exit())
