/** A fake behind TLS on a loopback port, and what it was asked and answered there. */
import * as FakeServer from "@effect-auth/testing/FakeServer"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as FileSystem from "@effect/platform/FileSystem"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ChildProcess from "node:child_process"
import * as Https from "node:https"

/** A request and its status, such as `GET /api/user 200`, and the kind of proof it came with. */
export interface Exchange {
  readonly line: string
  readonly proof: string
}

/** `Basic`, `Bearer`, the name of a cookie, or nothing: never the secret itself. */
const proofOf = ({ authorization, cookie, "x-api-key": apiKey }: Record<string, string | undefined>): string =>
  authorization?.split(" ")[0] ?? cookie?.split("=")[0] ?? (apiKey === undefined ? "" : "x-api-key")

const recording = (exchanges: Array<Exchange>, app: HttpApp.Default): HttpApp.Default =>
  Effect.flatMap(
    HttpServerRequest.HttpServerRequest,
    ({ headers, method, url }) =>
      Effect.tap(app, ({ status }) =>
        Effect.sync(() => exchanges.push({ line: `${method} ${url} ${status}`, proof: proofOf(headers) })))
  )

const certificate = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const directory = yield* fs.makeTempDirectoryScoped({ prefix: "loopback-" })
  const [key, cert] = [`${directory}/server.key`, `${directory}/server.pem`]
  yield* Effect.sync(() =>
    ChildProcess.execFileSync(
      "openssl",
      [
        ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost".split(" "),
        ...["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert]
      ],
      { stdio: "ignore" }
    )
  )
  return { path: cert, key: yield* fs.readFileString(key), cert: yield* fs.readFileString(cert) }
})

/** Serves an app until the Scope closes. `env` makes Python's requests trust it. */
export const serve = (app: HttpApp.Default) =>
  Effect.gen(function*() {
    const { cert, key, path } = yield* certificate
    const exchanges: Array<Exchange> = []
    const server = yield* Layer.build(
      NodeHttpServer.layer(() => Https.createServer({ key, cert }), { port: 0, host: "127.0.0.1" })
    )
    const url = yield* Effect.provide(FakeServer.serve(recording(exchanges, app)), server)
    return { baseUrl: url.replace("http:", "https:"), exchanges, env: { REQUESTS_CA_BUNDLE: path } }
  })
