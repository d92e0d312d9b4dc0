/**
 * A bearer at Open Liberty to which an administrator has added `mpJwt` (MicroProfile JWT). IBM documents none for mqweb, so
 * this is what the runtime does, not what mqweb promises.
 */
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Crypto from "node:crypto"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import * as IbmMq from "../src/IbmMq.ts"
import * as MqUser from "../src/MqUser.ts"
import * as OpenLiberty from "./OpenLiberty.ts"

const issuer = "https://issuer.example"
const audience = "mqweb"

const pair = Crypto.generateKeyPairSync("rsa", { modulusLength: 2048 })

const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url")

/** A JWT of the issuer, by its own claims. */
const jwt = (claims: Readonly<Record<string, unknown>>): string => {
  const seconds = Math.floor(new Date().getTime() / 1000)
  const signed = `${base64url({ alg: "RS256", kid: "key", typ: "JWT" })}.${
    base64url({ iss: issuer, aud: audience, iat: seconds, exp: seconds + 300, jti: Crypto.randomUUID(), ...claims })
  }`
  return `${signed}.${Crypto.sign("sha256", Buffer.from(signed), pair.privateKey).toString("base64url")}`
}

/** The keys of the issuer, where the server fetches them. */
const jwks = Effect.acquireRelease(
  Effect.async<Http.Server>((resume) => {
    const keys = [{ ...pair.publicKey.export({ format: "jwk" }), kid: "key", alg: "RS256", use: "sig" }]
    const server = Http.createServer((_, response) => {
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ keys }))
    }).listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  }),
  (server) => Effect.sync(() => server.close())
)

const liberty = Layer.unwrapScoped(
  Effect.map(jwks, (server) =>
    OpenLiberty.layerWith({
      added: `<server>
  <featureManager><feature>mpJwt-2.1</feature></featureManager>
  <mpJwt id="added" issuer="${issuer}" audiences="${audience}" userNameAttribute="sub" mapToUserRegistry="false"
    jwksUri="http://127.0.0.1:${(server.address() as AddressInfo).port}/" ignoreApplicationAuthMethod="true"/>
</server>
`
    }))
)

const whoAmI = Effect.map(MqUser.whoAmI, ({ name }) => name)

/** A program of the client of an authenticator, against the server. */
const run = <A, E>(
  authenticator: Authenticator.Authenticator,
  program: Effect.Effect<A, E, IbmMq.Client>
) =>
  Effect.flatMap(OpenLiberty.OpenLiberty, ({ baseUrl, ca }) =>
    program.pipe(
      Effect.provideServiceEffect(IbmMq.Client, IbmMq.makeWith(authenticator, { baseUrl })),
      Effect.provide(OpenLiberty.layerTransport({ ca }))
    ))

layer(liberty, { timeout: "10 minutes", excludeTestServices: true })("IBM MQ over Open Liberty with mpJwt", (it) => {
  it.effect("a bearer is its subject, for commands too", () =>
    Effect.gen(function*() {
      const bearer = Authenticator.bearer({ token: Redacted.make(jwt({ sub: "robot" })) })
      const [name, status] = yield* run(
        bearer,
        Effect.zip(
          whoAmI,
          Effect.map(Effect.flatMap(IbmMq.Client, (http) => http.get("/admin/qmgr")), ({ status }) => status)
        )
      )
      assert.deepStrictEqual([name, status], ["robot", 200])
    }))

  it.effect("a bearer that is refused is told by the server's own words", () =>
    Effect.gen(function*() {
      for (
        const claims of [{ sub: "robot", aud: "another" }, { sub: "robot", exp: 1 }, {
          sub: "robot",
          iss: "https://evil.example"
        }]
      ) {
        const token = jwt(claims)
        const error = yield* Effect.flip(run(Authenticator.bearer({ token: Redacted.make(token) }), whoAmI))
        assert.deepInclude(error, { _tag: "CredentialsRejected", status: 401, code: "invalid_token" })
        assert.notInclude(String(error), token)
      }
    }))

  it.scoped("a bearer of a token source is renewed when the server refuses it", () =>
    Effect.gen(function*() {
      const logins = yield* Ref.make(0)
      const tokens = yield* TokenSource.make({
        // the first one has expired by the server's clock
        login: Effect.flatMap(Ref.updateAndGet(logins, (n) => n + 1), (n) =>
          Token.make({ value: jwt({ sub: "robot", ...(n === 1 ? { exp: 1 } : {}) }), lifetime: "5 minutes" }))
      })
      assert.strictEqual(yield* run(Authenticator.bearer(tokens), whoAmI), "robot")
      assert.strictEqual(yield* Ref.get(logins), 2)
    }))
})
