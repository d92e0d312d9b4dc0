/** Answers of a token endpoint that are compressed although nobody asked for it, on real sockets. */
import * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Zlib from "node:zlib"
import * as Loopback from "./Loopback.ts"

const encodings = { br: Zlib.brotliCompressSync, deflate: Zlib.deflateSync, gzip: Zlib.gzipSync }

const answers: Readonly<Record<string, readonly [status: number, body: string]>> = {
  granted: [200, JSON.stringify({ access_token: "canary-token" })],
  jwt: [200, "canary.jwt.token"],
  refused: [400, JSON.stringify({ error: "invalid_client", error_description: "unknown client" })],
  unavailable: [503, JSON.stringify({ error: "temporarily_unavailable" })],
  page: [200, "<html>Welcome to the hotel</html>"]
}

const mode = "Acme/Token"
const json = TokenEndpoint.json(Schema.Struct({ access_token: Schema.String }), { mode })

describe("A token endpoint that compresses unasked", () => {
  for (const { layer, name } of Loopback.transports()) {
    for (const [encoding, compress] of Object.entries(encodings)) {
      it.scopedLive(`by ${encoding} is read over ${name}, or its error says so`, () =>
        Effect.gen(function*() {
          const server = yield* Loopback.serve(({ url }, response) => {
            const [status, body] = answers[url.slice(1)] ?? [404, ""]
            response.writeHead(status, { "content-encoding": encoding, "content-type": "application/json" })
              .end(compress(body))
          })
          const client = yield* Effect.provide(HttpClient.HttpClient, yield* Layer.build(layer))
          const sent = (what: string) =>
            TokenEndpoint.execute(client, HttpClientRequest.post(`http://127.0.0.1:${server.port}/${what}`), { mode })
          const named = new RegExp(
            `: the server compressed the body \\(${encoding}\\), which this transport does not decode$`
          )

          if (name === "fetch") {
            assert.deepStrictEqual(yield* Effect.flatMap(sent("granted"), json), { access_token: "canary-token" })
            assert.strictEqual(yield* Effect.flatMap(sent("jwt"), TokenEndpoint.text({ mode })), "canary.jwt.token")
            assert.deepInclude(yield* Effect.flip(sent("refused")), {
              _tag: "CredentialsRejected",
              code: "invalid_client",
              detail: "unknown client"
            })
            assert.match((yield* Effect.flip(Effect.flatMap(sent("page"), json))).message, /: the body is not JSON$/)
            return
          }
          for (const what of ["granted", "page"]) {
            const error = yield* Effect.flip(Effect.flatMap(sent(what), json))
            assert.strictEqual(error._tag, "MalformedTokenResponse")
            assert.match(error.message, named)
          }
          assert.match((yield* Effect.flip(Effect.flatMap(sent("jwt"), TokenEndpoint.text({ mode })))).message, named)
          assert.match((yield* Effect.flip(sent("refused"))).message, named)
          assert.match((yield* Effect.flip(sent("unavailable"))).message, named)
        }))
    }
  }
})
