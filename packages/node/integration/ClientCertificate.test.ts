import * as Credential from "@effect-auth/core/ClientCertificate"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Undici from "@effect/platform-node/Undici"
import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as ClientCertificate from "../src/ClientCertificate.ts"
import * as Pki from "../test/fixtures/pki.ts"
import * as Nginx from "./fixtures/nginx.ts"

const ours = Pki.authority("Test CA")
const pair = ours.issue({ name: "client" })
const inline = (pair: Pki.Pair) =>
  new Credential.ClientCertificate({
    certificate: Redacted.make(pair.certificate),
    key: Redacted.make(pair.key),
    ca: ours.pem,
    caOnly: true
  })

const get = (url: string) =>
  Effect.flatMap(
    HttpClient.HttpClient,
    (client) =>
      Effect.flatMap(client.get(url), (response) =>
        Effect.map(response.text, (body) => ({ status: response.status, body: body.trim() })))
  )

const layers = [
  { name: "undici", layer: ClientCertificate.layerUndici, make: ClientCertificate.makeUndici },
  { name: "node:http", layer: ClientCertificate.layerNodeHttp, make: ClientCertificate.makeNodeHttp }
]

layers.forEach(({ layer, make, name }) =>
  describe(`ClientCertificate over ${name}, with nginx`, () => {
    for (const verify of ["on", "optional"] as const) {
      it.scopedLive(`ssl_verify_client ${verify}: valid, missing, foreign and expired certificates`, () =>
        Effect.gen(function*() {
          const { url } = yield* Nginx.start({ ca: ours.pem, pair: ours.issue(), verify })
          const valid = yield* Effect.provide(get(url), layer({ credential: inline(pair) }))
          assert.deepStrictEqual(valid, { status: 200, body: `SUCCESS ${pair.serial}` })

          const missing = yield* get(url).pipe(Effect.provideService(HttpClient.HttpClient, withoutCertificate))
          assert.strictEqual(missing.status, verify === "on" ? 400 : 200)
          if (verify === "optional") assert.strictEqual(missing.body, "NONE")

          // nginx lets the handshake pass and answers 400, in both modes
          const foreign = Pki.authority("Foreign CA").issue({ name: "stranger" })
          assert.strictEqual((yield* Effect.provide(get(url), layer({ credential: inline(foreign) }))).status, 400)

          const expired = ours.issue({ name: "client", from: -3, to: -1 })
          const error = yield* Effect.flip(Effect.provide(get(url), layer({ credential: inline(expired) })))
          assert.deepInclude(error, { _tag: "ClientCertificateError", reason: "Expired" })
        }).pipe(Effect.provide(NodeFileSystem.layer)))
    }

    it.scopedLive("10,000 requests while the pair is replaced 20 times: none fails, the server sees every pair", () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const { url } = yield* Nginx.start({ ca: ours.pem, pair: ours.issue(), verify: "on" })
        const directory = yield* fs.makeTempDirectoryScoped()
        const certificateFile = `${directory}/client.pem`
        const pairs = [pair, ...Array.from({ length: 20 }, () => ours.issue({ name: "client" }))]
        const install = (next: Pki.Pair) =>
          Effect.zipRight(
            fs.writeFileString(`${certificateFile}.new`, next.certificate + next.key),
            fs.rename(`${certificateFile}.new`, certificateFile)
          )
        yield* install(pair)
        const services = yield* make({
          credential: new Credential.ClientCertificate({ certificateFile, ca: ours.pem, caOnly: true }),
          reload: Schedule.spaced("20 millis"),
          connections: 32
        })
        const request = Effect.provide(get(url), services)
        const seen = new Set<string>()
        let answered = 0
        const work = yield* Effect.fork(Effect.forEach(
          Array.from({ length: 10_000 }),
          () =>
            Effect.map(request, ({ body, status }) => {
              assert.strictEqual(status, 200)
              answered++
              seen.add(body)
            }),
          { concurrency: 32, discard: true }
        ))
        for (const [index, next] of pairs.slice(1).entries()) {
          // spread over the run: each after another share of the requests
          yield* Effect.repeat(Effect.sleep("5 millis"), { until: () => answered >= 450 * (index + 1) })
          yield* install(next)
          // and not before the previous one was seen
          yield* Effect.repeat(Effect.sleep("5 millis"), { until: () => seen.has(`SUCCESS ${next.serial}`) })
        }
        yield* Fiber.join(work)
        assert.strictEqual(answered, 10_000)
        assert.deepStrictEqual(seen, new Set(pairs.map(({ serial }) => `SUCCESS ${serial}`)))
      }).pipe(Effect.provide(NodeFileSystem.layer)))

    it.scopedLive("keeps its connections: no more than the pool has, whatever the number of requests", () =>
      Effect.gen(function*() {
        const { connections, url } = yield* Nginx.start({ ca: ours.pem, pair: ours.issue(), verify: "on" })
        yield* Effect.provide(
          Effect.forEach(Array.from({ length: 500 }), () => get(url), { concurrency: 32, discard: true }),
          layer({ credential: inline(pair), connections: 8 })
        )
        assert.isAtMost((yield* connections).size, 8)
      }).pipe(Effect.provide(NodeFileSystem.layer)))
  })
)

const withoutCertificate = NodeHttpClient.makeUndici(new Undici.Agent({ connect: { ca: ours.pem } }))
