import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as TokenStore from "@effect-auth/core/TokenStore"
import * as TokenStores from "@effect-auth/core/TokenStores"
import * as AuthorizationCode from "@effect-auth/oauth/AuthorizationCode"
import * as ClientAuthentication from "@effect-auth/oauth/ClientAuthentication"
import * as ClientCredentials from "@effect-auth/oauth/ClientCredentials"
import * as Device from "@effect-auth/oauth/Device"
import * as Dpop from "@effect-auth/oauth/Dpop"
import type * as OAuth from "@effect-auth/oauth/OAuth"
import * as SigningKey from "@effect-auth/oauth/SigningKey"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as HttpBody from "@effect/platform/HttpBody"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { calculateJwkThumbprint, decodeJwt, EmbeddedJWK, exportJWK, generateKeyPair, jwtVerify } from "jose"
import { untilDone } from "../../testing/test/untilDone.ts"
import * as Dpops from "../src/internal/dpop.ts"
import { Acme, baseUrl, clientId, credential, issuer, me, revoking, server } from "./fixtures.ts"
import { person } from "./person.ts"

const now = Date.UTC(2026, 0, 1)
const options = { client: Acme, baseUrl, server, credential, dpop: Dpop.generated() }
const token = { json: { access_token: "canary-1", token_type: "DPoP", expires_in: 60 } }
const nonce = (value: string) => ({ "dpop-nonce": value })
const nonceWanted = (value?: string): ScriptedHttpClient.Reply => ({
  status: 401,
  headers: { "www-authenticate": `DPoP error="use_dpop_nonce"`, ...(value === undefined ? undefined : nonce(value)) }
})

const routes = (table: Parameters<typeof ScriptedHttpClient.routes>[0] = {}) =>
  ScriptedHttpClient.layer(ScriptedHttpClient.routes({
    "POST /token": ScriptedHttpClient.repeatLast(token),
    "POST /revoke": {},
    "GET /me": ScriptedHttpClient.repeatLast({ json: "me" }),
    ...table
  }))

/** A proof, verified by a library that did not make it. */
const verified = (proof: string | undefined) =>
  Effect.map(
    Effect.promise(() => jwtVerify(proof ?? "", EmbeddedJWK, { currentDate: new Date(now) })),
    ({ payload, protectedHeader }) => ({ payload, header: protectedHeader })
  )

/** The requests that had a proof: the line, and the proof itself. */
const proofs = Effect.flatMap(
  ScriptedHttpClient.ScriptedHttpClient,
  ({ requests }) =>
    Effect.flatMap(requests, (requests) =>
      Effect.forEach(
        requests.filter(({ headers }) => headers["dpop"] !== undefined),
        ({ headers, line }) => Effect.map(verified(headers["dpop"]), (proof) => ({ line, ...proof }))
      ))
)

const live = (
  table?: Parameters<typeof routes>[0],
  more: Partial<OAuth.Options> = {}
) =>
  Layer.provideMerge(
    ClientCredentials.layer({ ...options, ...more, client: Acme }),
    Layer.provideMerge(routes(table), Layer.effectDiscard(TestClock.setTime(now)))
  )

const http = Effect.map(Acme, (http): AuthenticatedHttpClient.Service => http)

describe("Dpop", () => {
  it.effect("DP1 DP4 DP11 proves the key for the method and URL that is sent, at the Clock's time, and shows only its public half", () =>
    Effect.gen(function*() {
      yield* Effect.flatMap(http, (http) => http.get("/me?secret=1#part"))
      const [, proof] = yield* proofs
      assert.deepStrictEqual(Object.keys(proof?.header.jwk ?? {}).sort(), ["crv", "kty", "x", "y"])
      assert.deepInclude(proof?.header, { typ: "dpop+jwt", alg: "ES256" })
      assert.deepInclude(proof?.payload, { htm: "GET", htu: `${baseUrl}/me`, iat: now / 1000 })
    }).pipe(Effect.provide(live({ "GET /me?secret=1": { json: "me" } }))))

  it.effect("DP2 DP5 hashes the token for the API, and not for the token endpoint; revokes without a proof", () =>
    Effect.gen(function*() {
      yield* Effect.scoped(Effect.flatMap(
        Layer.build(ClientCredentials.layer({ ...options, server: revoking })),
        (context) => Effect.provide(me, context)
      ))
      const { requests } = yield* ScriptedHttpClient.ScriptedHttpClient
      const [login, call] = yield* proofs
      const digest = yield* Effect.promise(() =>
        globalThis.crypto.subtle.digest("SHA-256", new TextEncoder().encode("canary-1"))
      )
      assert.isUndefined(login?.payload["ath"])
      assert.strictEqual(call?.payload["ath"], Encoding.encodeBase64Url(new Uint8Array(digest)))
      assert.deepStrictEqual(
        (yield* requests).map((
          { headers, line }
        ) => [line, headers["authorization"]?.split(" ")[0], "dpop" in headers]),
        [["POST /token", "Basic", true], ["GET /me", "DPoP", true], ["POST /revoke", "Basic", false]]
      )
    }).pipe(Effect.provide(Layer.provideMerge(routes(), Layer.effectDiscard(TestClock.setTime(now))))))

  it.effect("DP3 makes a proof for each request, each replay and each redirect", () =>
    Effect.gen(function*() {
      yield* Effect.flatMap(http, (http) => http.get("/moved"))
      yield* me
      const all = yield* proofs
      assert.deepStrictEqual(all.map(({ line, payload }) => [line, payload["htu"]]), [
        ["POST /token", `${issuer}/token`],
        ["GET /moved", `${baseUrl}/moved`],
        ["GET /me", `${baseUrl}/me`],
        ["POST /token", `${issuer}/token`],
        ["GET /me", `${baseUrl}/me`],
        ["GET /me", `${baseUrl}/me`]
      ])
      assert.strictEqual(new Set(all.map(({ payload }) => payload.jti)).size, 6)
    }).pipe(Effect.provide(live({
      "GET /moved": { status: 302, headers: { location: "/me" } },
      "GET /me": [{ status: 401 }, { json: "me" }, { json: "me" }]
    }, { redirects: 5 }))))

  it.effect("DP3 CA6 makes proof and assertion anew where a login is repeated, be it for a nonce or a busy server", () =>
    Effect.gen(function*() {
      yield* untilDone(yield* Effect.fork(me))
      const { requests } = yield* ScriptedHttpClient.ScriptedHttpClient
      const logins = (yield* requests).filter(({ line }) => line === "POST /token")
      const assertions = logins.map(({ body }) =>
        decodeJwt(new URLSearchParams(body).get("client_assertion") ?? "").jti
      )
      assert.deepStrictEqual([new Set(assertions).size, logins.length], [3, 3])
      assert.strictEqual(new Set((yield* proofs).map(({ payload }) => payload.jti)).size, 4)
    }).pipe(Effect.provide(live({
      "POST /token": [
        { status: 503 },
        { status: 400, headers: nonce("n1"), json: { error: "use_dpop_nonce" } },
        token
      ]
    }, {
      authentication: ClientAuthentication.privateKeyJwt(
        SigningKey.make(() => Effect.succeed(new Uint8Array(64)), { algorithm: "ES256" })
      )
    }))))

  it.effect("DP8 DP9 answers an authorization server that wants a nonce, with the same request and the nonce, once", () =>
    Effect.gen(function*() {
      yield* me
      yield* TestClock.adjust("2 minutes")
      yield* me
      assert.deepStrictEqual((yield* proofs).map(({ line, payload }) => [line, payload["nonce"]]), [
        ["POST /token", undefined],
        ["POST /token", "n1"],
        ["GET /me", undefined],
        ["POST /token", "n2"],
        ["GET /me", undefined]
      ])
    }).pipe(Effect.provide(live({
      "POST /token": [
        { status: 400, headers: nonce("n1"), json: { error: "use_dpop_nonce" } },
        { ...token, headers: nonce("n2") },
        token
      ]
    }))))

  it.effect("DP9 is refused by an authorization server that goes on asking, and asks it no more than twice", () =>
    Effect.gen(function*() {
      assert.deepInclude(yield* Effect.flip(me), { _tag: "CredentialsRejected", code: "use_dpop_nonce" })
      assert.lengthOf(yield* proofs, 2)
    }).pipe(Effect.provide(live({
      "POST /token": (_, earlier) => ({
        status: 400,
        headers: nonce(`n${earlier.length}`),
        json: { error: "use_dpop_nonce" }
      })
    }))))

  it.effect("DP8 DP9 answers an API that wants a nonce with the same token, and takes the latest from any answer", () =>
    Effect.gen(function*() {
      yield* me
      yield* me
      yield* me
      assert.deepStrictEqual((yield* proofs).map(({ line, payload }) => [line, payload["nonce"]]), [
        ["POST /token", undefined],
        ["GET /me", undefined],
        ["GET /me", "n1"],
        ["GET /me", "n2"],
        ["GET /me", "n2"]
      ])
    }).pipe(Effect.provide(live({
      "GET /me": [nonceWanted("n1"), { json: "me", headers: nonce("n2") }, { json: "me" }, { json: "me" }]
    }))))

  it.effect.each([
    `DPoP algs="ES256", DPoP error="use_dpop_nonce"`,
    `Bearer realm="acme", DPoP error=use_dpop_nonce`,
    `Bearer error="use_dpop_nonce"`
  ])("DP9 reads that a nonce is wanted from any challenge: %s", (challenge) =>
    Effect.gen(function*() {
      yield* me
      assert.deepStrictEqual((yield* proofs).map(({ line, payload }) => [line, payload["nonce"]]), [
        ["POST /token", undefined],
        ["GET /me", undefined],
        ["GET /me", "n1"]
      ])
    }).pipe(Effect.provide(live({
      "GET /me": [{ status: 401, headers: { "www-authenticate": challenge, ...nonce("n1") } }, { json: "me" }]
    }))))

  it.effect("DP8 keeps the nonces of origins apart, be they of a refusal or an error", () =>
    Effect.gen(function*() {
      const other = "https://files.acme.example"
      yield* Effect.flatMap(Acme, (http) =>
        Effect.all([http.get("/me"), http.get(`${other}/me`), http.get("/me"), http.get(`${other}/me`)]))
      assert.deepStrictEqual((yield* proofs).slice(1).map(({ payload }) => [payload["htu"], payload["nonce"]]), [
        [`${baseUrl}/me`, undefined],
        [`${other}/me`, undefined],
        [`${baseUrl}/me`, "n1"],
        [`${other}/me`, "n2"]
      ])
    }).pipe(Effect.provide(live({
      "GET /me": ({ url }) => ({ status: 503, headers: nonce(url.origin === baseUrl ? "n1" : "n2") })
    }, { origins: ["https://files.acme.example"] }))))

  describe("with a clock that is wrong", () => {
    const date = (ahead: number) => ({ date: new Date(now + ahead).toUTCString() })
    const refusedByServer = (headers: Record<string, string>): ScriptedHttpClient.Reply => ({
      status: 400,
      headers,
      json: { error: "invalid_dpop_proof" }
    })
    const refusedByApi = (headers: Record<string, string>, error = "invalid_dpop_proof"): ScriptedHttpClient.Reply => ({
      status: 401,
      headers: { ...headers, "www-authenticate": `DPoP error="${error}"` }
    })
    const hour = 3_600_000
    const ahead = ({ payload }: { readonly payload: { readonly iat?: number } }) => (payload.iat ?? 0) - now / 1000

    it.effect("DP11 takes the time of an authorization server that has refused the proof, and proves the request once more", () =>
      Effect.gen(function*() {
        yield* me
        assert.deepStrictEqual((yield* proofs).map((proof) => [proof.line, ahead(proof)]), [
          ["POST /token", 0],
          ["POST /token", -3600],
          ["GET /me", 0]
        ])
      }).pipe(Effect.provide(live({ "POST /token": [refusedByServer(date(-hour)), token] }))))

    it.effect("DP11 takes the time of an API that has refused the proof, with the same token, and keeps it for its origin", () =>
      Effect.gen(function*() {
        yield* Effect.all([me, me], { concurrency: "unbounded" })
        yield* Effect.ignore(Effect.flatMap(Acme, (http) => http.get("https://files.acme.example/me")))
        const sent = (yield* proofs).map((proof) => [proof.payload["htu"], ahead(proof)])
        assert.deepStrictEqual(sent.slice(1), [
          [`${baseUrl}/me`, 0],
          [`${baseUrl}/me`, 0],
          [`${baseUrl}/me`, 3600],
          [`${baseUrl}/me`, 3600],
          ["https://files.acme.example/me", 0]
        ])
      }).pipe(Effect.provide(live({
        "GET /me": [
          refusedByApi(date(hour)),
          refusedByApi(date(hour)),
          ...Array.from({ length: 3 }, () => ({ json: "me" }))
        ]
      }, { origins: ["https://files.acme.example"] }))))

    for (
      const [what, headers, error] of [
        ["the server's clock is ours", date(2_000), "invalid_dpop_proof"],
        ["there is no date", {}, "invalid_dpop_proof"],
        ["the date is no date", { date: "yesterday" }, "invalid_dpop_proof"],
        ["the date is a cache's", { ...date(hour), age: "60" }, "invalid_dpop_proof"],
        ["the token is what was refused", date(hour), "invalid_token"]
      ] as const
    ) {
      it.effect(`DP11 DP13 keeps its own where ${what}: the token is renewed`, () =>
        Effect.gen(function*() {
          yield* me
          assert.deepStrictEqual((yield* proofs).map((proof) => [proof.line, ahead(proof)]), [
            ["POST /token", 0],
            ["GET /me", 0],
            ["POST /token", 0],
            ["GET /me", 0]
          ])
        }).pipe(Effect.provide(live({ "GET /me": [refusedByApi(headers, error), { json: "me" }] }))))
    }

    it.effect("DP11 takes no second time from an authorization server that goes on refusing", () =>
      Effect.gen(function*() {
        assert.deepInclude(yield* Effect.flip(me), { _tag: "CredentialsRejected", code: "invalid_dpop_proof" })
        assert.lengthOf(yield* proofs, 2)
      }).pipe(Effect.provide(live({
        "POST /token": (_, earlier) => refusedByServer(date(hour * (1 + earlier.length)))
      }))))
  })

  it.effect("DP5 proves the questions of a device, and not its request for a code", () =>
    Effect.gen(function*() {
      yield* untilDone(yield* Effect.fork(me))
      assert.deepStrictEqual((yield* proofs).map(({ line }) => line), ["POST /token", "GET /me"])
    }).pipe(Effect.provide(Layer.provideMerge(
      Device.layer({
        ...options,
        server: { ...server, deviceAuthorizationEndpoint: `${issuer}/device` },
        credential: { clientId }
      }),
      Layer.mergeAll(
        person,
        routes({
          "POST /device": {
            json: { device_code: "canary-code", user_code: "A", verification_uri: `${issuer}/enter`, expires_in: 60 }
          }
        }),
        Layer.effectDiscard(TestClock.setTime(now))
      )
    ))))

  it.effect("DP9 DP10 leaves the token as it is where the API goes on asking, or the body cannot be sent again", () =>
    Effect.gen(function*() {
      assert.deepInclude(yield* Effect.flip(me), { _tag: "AuthenticationFailed", status: 401 })
      // and no more than twice in a row
      assert.lengthOf((yield* proofs).filter(({ line }) => line === "GET /me"), 3)
      const body = HttpBody.stream(Stream.make(new Uint8Array(3)))
      const error = yield* Effect.flip(Effect.flatMap(http, (http) => http.post("/upload", { body })))
      assert.include(error.message, "cannot be sent a second time")
      assert.lengthOf((yield* proofs).filter(({ line }) => line === "POST /token"), 1)
    }).pipe(Effect.provide(live({
      "GET /me": (_, earlier) => nonceWanted(`n${earlier.length}`),
      "POST /upload": nonceWanted("other")
    }))))

  it.effect("DP14 says what a browser hides", () =>
    Effect.gen(function*() {
      assert.include(
        (yield* Effect.flip(Effect.flatMap(http, (http) => http.get("/me")))).message,
        "expose the header DPoP-Nonce"
      )
    }).pipe(Effect.provide(live({ "GET /me": nonceWanted() }))))

  it.effect.each(["", `a"b`, "x".repeat(1025)])(
    "DP8 takes no nonce that is none, at either server: %s",
    (value) =>
      Effect.gen(function*() {
        yield* Effect.flip(me)
        assert.deepStrictEqual((yield* proofs).map(({ line, payload }) => [line, payload["nonce"]]), [
          ["POST /token", undefined],
          ["GET /me", undefined]
        ])
      }).pipe(Effect.provide(live({
        "POST /token": ScriptedHttpClient.repeatLast({ ...token, headers: nonce(value) }),
        "GET /me": ScriptedHttpClient.repeatLast(nonceWanted(value))
      })))
  )

  it.effect("DP14 ER7 says at the authorization server, too, what a browser hides, and not that the credentials are wrong", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(me)
      assert.deepInclude(error, { _tag: "CredentialsRejected", reason: "Setting", code: "use_dpop_nonce" })
      assert.include(error.message, "expose the header DPoP-Nonce")
    }).pipe(Effect.provide(live({ "POST /token": { status: 400, json: { error: "use_dpop_nonce" } } }))))

  it.effect("DP13 renews a token that the API refuses, as any other, and proves the new one from then on", () =>
    Effect.gen(function*() {
      yield* me
      const all = yield* proofs
      assert.deepStrictEqual(all.map(({ line }) => line), ["POST /token", "GET /me", "POST /token", "GET /me"])
      assert.notStrictEqual(all[3]?.payload["ath"], all[1]?.payload["ath"])
      const { requests } = yield* ScriptedHttpClient.ScriptedHttpClient
      assert.deepStrictEqual(
        (yield* requests).map(({ headers }) => headers["authorization"]).filter((_, i) => i % 2 > 0),
        [
          "DPoP canary-1",
          "DPoP canary-2"
        ]
      )
    }).pipe(Effect.provide(live({
      "POST /token": [token, { json: { ...token.json, access_token: "canary-2" } }],
      "GET /me": [
        { status: 401, headers: { "www-authenticate": `DPoP error="invalid_token"` } },
        { json: "me" }
      ]
    }))))

  it.effect("DP12 RF10 takes no bearer token, unless it is allowed, and sends that as one", () =>
    Effect.gen(function*() {
      const bearer = { "POST /token": { json: { access_token: "canary-1", token_type: "Bearer" } } }
      assert.deepInclude(yield* Effect.flip(Effect.provide(me, live(bearer))), {
        _tag: "MalformedTokenResponse",
        detail: "the token is of another type than dpop"
      })
      yield* Effect.gen(function*() {
        yield* me
        const { requests } = yield* ScriptedHttpClient.ScriptedHttpClient
        assert.strictEqual((yield* requests)[1]?.headers["authorization"], "Bearer canary-1")
      }).pipe(Effect.provide(live(bearer, { dpop: Dpop.generated({ orBearer: true }) })))
    }))

  it.effect("DP1 uses an algorithm that the server accepts, and says that there is none", () =>
    Effect.gen(function*() {
      const algorithmFor = (dpopAlgorithms: ReadonlyArray<string>) =>
        Effect.flatMap(me, () => Effect.map(proofs, ([proof]) => proof?.header.alg)).pipe(
          Effect.provide(live({}, { server: { ...server, dpopAlgorithms } }))
        )
      for (const algorithm of ["EdDSA", "PS256", "ES384"]) {
        assert.strictEqual(yield* algorithmFor(["HS256", algorithm]), algorithm)
      }
      assert.include((yield* Effect.flip(algorithmFor(["HS256"]))) + "", "accepts no proofs")
    }))

  it.effect("DP1 says that the server accepts no proofs of the key that was given", () =>
    Effect.gen(function*() {
      const pair = yield* Effect.promise(() => generateKeyPair("ES256"))
      const publicKey = yield* Effect.promise(() => exportJWK(pair.publicKey))
      const key = SigningKey.fromCryptoKey(pair.privateKey, { algorithm: "ES256" })
      const run = (dpopAlgorithms: ReadonlyArray<string>) =>
        Effect.provide(
          me,
          live({}, { server: { ...server, dpopAlgorithms }, dpop: Dpop.given(key, { publicKey }) })
        )
      assert.strictEqual(yield* run(["PS256", "ES256"]), "me")
      assert.include((yield* Effect.flip(run(["PS256"]))) + "", "accepts no proofs of the algorithm of the key")
    }))

  it.effect("DP1 makes another key for a server that accepts no proofs of the first one", () =>
    Effect.gen(function*() {
      const { current } = Dpop.generated().bindings("Test")
      const thumbprintAt = (dpopAlgorithms: ReadonlyArray<string>) =>
        Effect.flatMap(current({ ...server, dpopAlgorithms }), ({ thumbprint }) => thumbprint)
      const [first, again, other] = [
        yield* thumbprintAt(["ES256"]),
        yield* thumbprintAt(["EdDSA", "ES256"]),
        yield* thumbprintAt(["EdDSA"])
      ]
      assert.deepStrictEqual([first === again, first === other], [true, false])
    }))

  it.effect("DP6 RF8 keeps the key beside its refresh token, and goes on with it in the next process", () =>
    Effect.gen(function*() {
      const store = yield* TokenStore.makeMemory
      const run = Effect.provide(
        me,
        AuthorizationCode.layer({
          ...options,
          server: { ...server, authorizationEndpoint: `${issuer}/authorize` },
          credential: { clientId },
          store
        })
      )
      yield* run
      yield* TestClock.adjust("2 minutes")
      yield* run
      const keys = yield* Effect.forEach(
        yield* proofs,
        ({ header: { jwk } }) => Effect.promise(() => calculateJwkThumbprint(jwk ?? {}))
      )
      assert.lengthOf(keys, 4)
      assert.strictEqual(new Set(keys).size, 1)
      const forms = (yield* (yield* ScriptedHttpClient.ScriptedHttpClient).requests).flatMap(({ body, line }) =>
        line.startsWith("POST") ? [new URLSearchParams(body).get("grant_type")] : []
      )
      assert.deepStrictEqual(forms, ["authorization_code", "refresh_token"])
    }).pipe(Effect.provide(Layer.mergeAll(
      person,
      Layer.provideMerge(
        routes({
          "POST /token": ScriptedHttpClient.repeatLast({ json: { ...token.json, refresh_token: "canary-refresh" } })
        }),
        Layer.effectDiscard(TestClock.setTime(now))
      )
    ))))

  it.effect.each(["ES256", "EdDSA", "RS256"])(
    "AC14 tells the server of a key for %s by the thumbprint that others make of it",
    (algorithm) =>
      Effect.gen(function*() {
        const key = yield* Dpops.generate({ dpopAlgorithms: [algorithm] }, "Test")
        const expected = yield* Effect.promise(() => calculateJwkThumbprint(key.jwk))
        assert.strictEqual(yield* Dpops.thumbprint(key), expected)
      })
  )

  it.effect("DP7 keeps no token in the stores of the program, either, that is bound to a key which the next process does not have", () =>
    Effect.gen(function*() {
      const pair = yield* Effect.promise(() => generateKeyPair("ES256"))
      const publicKey = yield* Effect.promise(() => exportJWK(pair.publicKey))
      const key = SigningKey.fromCryptoKey(pair.privateKey, { algorithm: "ES256" })
      const kept = (dpop: Dpop.Dpop) =>
        Effect.gen(function*() {
          const store = yield* TokenStore.makeMemory
          const stores = Layer.succeed(TokenStores.TokenStores, TokenStores.make(() => store))
          assert.strictEqual(yield* Effect.provide(me, Layer.provide(live({}, { dpop }), stores)), "me")
          return Option.isSome((yield* store.get).token)
        })
      assert.isFalse(yield* kept(Dpop.given(key, { publicKey })))
      assert.isTrue(yield* kept(Dpop.given(key, { publicKey, lasting: true })))
      assert.isTrue(yield* kept(Dpop.generated()))
    }))

  it.effect("DP7 keeps no token in a store that is bound to a key which the next process does not have", () =>
    Effect.gen(function*() {
      const pair = yield* Effect.promise(() => generateKeyPair("ES256"))
      const publicKey = yield* Effect.promise(() => exportJWK(pair.publicKey))
      const key = SigningKey.fromCryptoKey(pair.privateKey, { algorithm: "ES256" })
      const store = yield* TokenStore.makeMemory
      const run = (lasting: boolean) =>
        Effect.provide(
          me,
          live({}, { store, dpop: Dpop.given(key, { publicKey: { ...publicKey, d: "canary-d" }, lasting }) })
        )
      assert.deepInclude(yield* Effect.flip(run(false)), { _tag: "InvalidSetting", setting: "store" })
      assert.strictEqual(yield* run(true), "me")
      const { token } = yield* store.get
      assert.isTrue(Option.exists(token, ({ key }) => key === undefined))
    }))
})
