/**
 * A server that writes to the socket itself, because no library would send what this one sends. It answers logins and
 * `/good` as it should, except where its scenario says otherwise.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import * as Zlib from "node:zlib"
import type { Scenario } from "./draw.ts"

export const serve = (scenario: Scenario): Effect.Effect<number, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.async<{ readonly server: Net.Server; readonly sockets: Set<Net.Socket>; readonly port: number }>(
        (resume) => {
          const sockets = new Set<Net.Socket>()
          const server = Net.createServer((socket) => {
            sockets.add(socket)
            socket.on("error", () => {})
            socket.on("close", () => sockets.delete(socket))
            listen(socket, scenario)
          })
          server.listen(0, "127.0.0.1", () => {
            const address = server.address()
            const port = typeof address === "object" && address !== null ? address.port : 0
            resume(Effect.succeed({ server, sockets, port }))
          })
        }
      ),
      ({ server, sockets }) =>
        Effect.async<void>((resume) => {
          for (const socket of sockets) socket.destroy()
          server.close(() => resume(Effect.void))
        })
    ),
    ({ port }) => port
  )

const listen = (socket: Net.Socket, scenario: Scenario): void => {
  let heard = ""
  socket.on("data", (chunk) => {
    heard += chunk.toString("latin1")
    for (;;) {
      const end = heard.indexOf("\r\n\r\n")
      if (end === -1) return
      const head = heard.slice(0, end)
      const length = Number(/^content-length: *(\d+)/imu.exec(head)?.[1] ?? 0)
      if (heard.length < end + 4 + length) return
      heard = heard.slice(end + 4 + length)
      const [method = "", url = ""] = head.split(" ")
      answer(socket, scenario, method, url)
    }
  })
}

const answer = (socket: Net.Socket, scenario: Scenario, method: string, url: string): void => {
  const path = url.replace(/\?.*/u, "")
  if (path.startsWith("/good")) return void socket.write(good("200 OK", "good"))
  const login = logins[path]
  const isHostile = login === undefined ? scenario.place === "api" : scenario.place === "login"
  if (isHostile) return acts[scenario.act](socket, scenario)
  socket.write(login === undefined ? good("200 OK", "{}") : method === "DELETE" ? good("204 No Content", "") : login)
}

const good = (status: string, body: string, fields = ""): string =>
  status.startsWith("204")
    ? `HTTP/1.1 ${status}\r\n${fields}\r\n`
    : `HTTP/1.1 ${status}\r\ncontent-length: ${body.length}\r\n${fields}\r\n${body}`

const oauth = good(
  "200 OK",
  JSON.stringify({ access_token: "canary-access-token", refresh_token: "canary-refresh-token", expires_in: 3600 }),
  "content-type: application/json\r\n"
)

/** How each system answers a login that is right. */
const logins: Readonly<Record<string, string>> = {
  "/token": oauth,
  "/auth/token": oauth,
  "/ibmmq/rest/v3/login": good("204 No Content", "", "set-cookie: LtpaToken2=canary-ltpa; Path=/; HttpOnly\r\n"),
  "/auth": good("201 Created", "eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjQ5MDAwMDAwMDB9.Y2FuYXJ5"),
  "/api/2.0/fo/session/": good("200 OK", "<SIMPLE_RETURN/>", "set-cookie: QualysSession=canary-session; Path=/api\r\n")
}

/** As long as a head may be with every transport, in all. */
const long = 10_000

const field = ({ field }: Scenario): string => {
  switch (field) {
    case "none":
      return ""
    case "location":
      return `location: /${"../".repeat(long / 3)}\r\n`
    case "retry-after":
      return `retry-after: ${"9".repeat(long)}\r\n`
    case "www-authenticate":
      return `www-authenticate: ${"Bearer realm=\"".repeat(long / 14)}\r\n`
    case "set-cookie":
      return `set-cookie: LtpaToken2=; ${"QualysSession=;".repeat(long / 15)}\r\n`
    case "ratelimit":
      return `ratelimit: ${"\"a\";r=1;t=1,".repeat(long / 12)}\r\n`
  }
}

const head = (scenario: Scenario, fields: string): string =>
  `HTTP/1.1 ${scenario.status} Whatever\r\n` +
  (scenario.field === "location" || scenario.status < 300 || scenario.status > 399 ? "" : "location: /elsewhere\r\n") +
  (scenario.field === "retry-after" ? "" : "retry-after: 1\r\n") +
  `content-type: application/json\r\n${field(scenario)}${fields}\r\n`

/** Writes as fast as the client reads, until that is gone. */
const flood = (socket: Net.Socket, part: () => Buffer | string, most = Infinity) => {
  let written = 0
  const more = () => {
    while (!socket.destroyed && written < most) {
      const next = part()
      written += next.length
      if (!socket.write(next)) return
    }
  }
  socket.on("drain", more)
  more()
}

/** Writes a little at a time, until the client is gone. */
const drip = (socket: Net.Socket, text: string) => {
  let at = 0
  const timer = setInterval(() => {
    if (socket.destroyed) return clearInterval(timer)
    socket.write(text[at++ % text.length] ?? "")
  }, 20)
  socket.on("close", () => clearInterval(timer))
}

const kilobytes = Buffer.alloc(65_536, "x")
const chunk = Buffer.concat([Buffer.from("10000\r\n"), kilobytes, Buffer.from("\r\n")])

/** Members of gzip can follow one another: each is 64 MB of zeros. */
const gzipMember = Zlib.gzipSync(Buffer.alloc(64 * 1_048_576), { level: 9 })
const gzipChunk = Buffer.concat([Buffer.from(`${gzipMember.length.toString(16)}\r\n`), gzipMember, Buffer.from("\r\n")])
const brotli = Zlib.brotliCompressSync(Buffer.alloc(128 * 1_048_576), {
  params: { [Zlib.constants.BROTLI_PARAM_QUALITY]: 5 }
})

const garbage = Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 7919 + 13) % 256))

const acts: Record<Scenario["act"], (socket: Net.Socket, scenario: Scenario) => void> = {
  "stops in the middle of its body": (socket, scenario) =>
    void socket.write(head(scenario, "content-length: 20000\r\n") + "39 bytes".repeat(5)),
  "sends a body without an end": (socket, scenario) => {
    socket.write(head(scenario, "transfer-encoding: chunked\r\n"))
    flood(socket, () => chunk)
  },
  "announces 5 GB and sends them": (socket, scenario) => {
    socket.write(head(scenario, "content-length: 5000000000\r\n"))
    flood(socket, () => kilobytes, 5_000_000_000)
  },
  "sends a bomb in gzip": (socket, scenario) => {
    socket.write(head(scenario, "transfer-encoding: chunked\r\ncontent-encoding: gzip\r\n"))
    flood(socket, () => gzipChunk)
  },
  "sends a bomb in brotli": (socket, scenario) =>
    void socket.write(
      Buffer.concat([
        Buffer.from(head(scenario, `content-length: ${brotli.length}\r\ncontent-encoding: br\r\n`)),
        brotli
      ])
    ),
  "breaks its connection in mid-body": (socket, scenario) =>
    void socket.write(head(scenario, "content-length: 1000\r\n") + "x".repeat(100), () => socket.resetAndDestroy()),
  "closes its connection in mid-body": (socket, scenario) =>
    void socket.end(head(scenario, "transfer-encoding: chunked\r\n") + "400\r\nx"),
  "sends its body byte by byte": (socket, scenario) => {
    socket.write(head(scenario, "content-length: 1000000\r\n"))
    drip(socket, "{")
  },
  "sends garbage between its chunks": (socket, scenario) => {
    socket.write(head(scenario, "transfer-encoding: chunked\r\n") + "4\r\nnice\r\n")
    setTimeout(() => socket.write(garbage), 20)
  },
  "announces more than it sends": (socket, scenario) =>
    void socket.end(head(scenario, "content-length: 1000\r\n") + "{}"),
  "sends more than it announces": (socket, scenario) =>
    void socket.write(head(scenario, "content-length: 2\r\n") + "{}" + "surplus".repeat(1000)),
  "sends two answers for one request": (socket, scenario) => {
    const whole = head(scenario, "content-length: 2\r\n") + "{}"
    socket.write(whole + whole)
    setTimeout(() => socket.write(whole), 50)
  },
  "sends chunk extensions without an end": (socket, scenario) => {
    socket.write(head(scenario, "transfer-encoding: chunked\r\n") + "2;")
    flood(socket, () => kilobytes)
  },
  "sends trailers without an end": (socket, scenario) => {
    socket.write(head(scenario, "transfer-encoding: chunked\r\n") + "2\r\n{}\r\n0\r\n")
    flood(socket, () => "x-trailer: canary\r\n".repeat(1000))
  },
  "sends JSON a hundred thousand levels deep": (socket, scenario) => {
    const body = "{\"error\":".repeat(100_000)
    socket.write(head(scenario, `content-length: ${body.length}\r\n`) + body)
  },
  "sends XML ten thousand levels deep": (socket, scenario) => {
    const body = `<SIMPLE_RETURN>${"<RESPONSE>".repeat(5_000)}`
    socket.write(head(scenario, `content-length: ${body.length}\r\n`) + body)
  },
  "says nothing": () => {},
  "closes at once": (socket) => void socket.end(),
  "breaks the connection at once": (socket) => void socket.resetAndDestroy(),
  "sends garbage": (socket) => void socket.write(garbage),
  "sends its head byte by byte": (socket) => drip(socket, "HTTP/1.1 200 OK\r\nx-slow: very\r\n"),
  "sends 10,000 headers": (socket, scenario) =>
    void socket.write(
      head(scenario, Array.from({ length: 10_000 }, (_, i) => `x-${i}: 1\r\n`).join("") + "content-length: 2\r\n") +
        "{}"
    ),
  "sends a header without an end": (socket, scenario) => {
    socket.write(head(scenario, "x-long: ").slice(0, -2))
    flood(socket, () => kilobytes)
  },
  "sends 1xx answers without an end": (socket) => {
    const timer = setInterval(
      () => socket.write("HTTP/1.1 103 Early Hints\r\nlink: </style.css>\r\n\r\n".repeat(20)),
      5
    )
    socket.on("close", () => clearInterval(timer))
  },
  "sends 5,000 1xx answers first": (socket, scenario) =>
    void socket.write(
      "HTTP/1.1 102 Processing\r\n\r\n".repeat(5_000) + head(scenario, "content-length: 2\r\n") + "{}"
    ),
  "switches protocols": (socket) => {
    socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: canary\r\n\r\nwhat now")
    // node:http, as the platform uses it, never lets go of such a connection
    setTimeout(() => socket.destroy(), 10_000)
  },
  "sends two lengths": (socket, scenario) =>
    void socket.write(head(scenario, "content-length: 2\r\ncontent-length: 7\r\n") + "{}"),
  "sends a length and chunks": (socket, scenario) =>
    void socket.write(head(scenario, "content-length: 2\r\ntransfer-encoding: chunked\r\n") + "2\r\n{}\r\n0\r\n\r\n"),
  "sends control characters in headers": (socket, scenario) =>
    void socket.write(head(scenario, "x-odd: \x00\x01\x7f\r\ncontent-length: 2\r\n") + "{}"),
  "sends a status of its own": (socket) => void socket.write("HTTP/1.1 999 \xff\xfe\r\ncontent-length: 2\r\n\r\n{}")
}
