import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as UrlParams from "@effect/platform/UrlParams"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Authenticator from "../src/Authenticator.ts"
import { CredentialsRejected } from "../src/AuthError.ts"
import * as Credential from "../src/Credential.ts"
import * as Token from "../src/Token.ts"
import * as TokenSource from "../src/TokenSource.ts"
import type { Rung } from "../src/TokenState.ts"
import { assertSecretFree } from "./printouts.ts"

const canary = "canary-secret-4711"
const request = HttpClientRequest.get("https://api.acme.example/user")
const signed = (authenticator: Authenticator.Authenticator, of = request) =>
  Effect.map(authenticator.prove(of), (proof) => proof.sign(of))
const signedSync = (authenticator: Authenticator.Authenticator, of = request) =>
  Effect.runSync(signed(authenticator, of))
const answer = (status: number) => HttpClientResponse.fromWeb(request, new Response(null, { status }))

const apiKey = (place: "header" | "query" | "cookie", name: string, key: string) =>
  Authenticator.apiKey(new Credential.ApiKey({ key: Redacted.make(key), in: place, name }))

/** Logs in for `canary-token-1`, `canary-token-2`, ...; each token lives for a minute. */
const numbered = Effect.gen(function*() {
  const logins = yield* Ref.make(0)
  const login = Effect.flatMap(
    Ref.updateAndGet(logins, (n) => n + 1),
    (n) => Token.make({ value: `canary-token-${n}`, lifetime: "1 minute" })
  )
  return yield* TokenSource.make({ mode: "Acme", login })
})

/** A source that holds one token and notes what it is told. */
const noting = Effect.gen(function*() {
  const rejections = yield* Ref.make<ReadonlyArray<readonly [Token.Token, Rung | undefined]>>([])
  const token = yield* Token.make({ value: "canary-token" })
  const tokens: TokenSource.TokenSource = {
    get: Effect.succeed(token),
    peek: () => token,
    reject: (token, climbed) =>
      Effect.as(Ref.update(rejections, (all) => [...all, [token, climbed] as const]), "refresh"),
    changes: Stream.empty,
    state: Effect.die("not asked for")
  }
  return { rejections, token, tokens }
})

describe("Authenticator.basic", () => {
  it("sends the examples of RFC 7617", () => {
    const cases = [["Aladdin", "open sesame", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="], [
      "test",
      "123\u00a3",
      "dGVzdDoxMjPCow=="
    ]]
    for (const [username = "", password = "", expected] of cases) {
      const { headers } = signedSync(Authenticator.basic({ username, password: Redacted.make(password) }))
      assert.strictEqual(headers["authorization"], `Basic ${expected}`)
    }
  })

  it.prop(
    "arrives as it was, in UTF-8, whatever the credential accepts",
    [FastCheck.string({ unit: "binary" }), FastCheck.string({ unit: "binary" })],
    ([username, password]) => {
      const credential = Credential.basic({ username, password: Redacted.make(password) })
      if (Either.isLeft(credential)) return
      const header = signedSync(Authenticator.basic(credential.right)).headers["authorization"] ?? ""
      assert.match(header, /^Basic [A-Za-z0-9+/]+=*$/)
      const bytes = Buffer.from(header.slice("Basic ".length), "base64")
      const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
      const colon = text.indexOf(":")
      assert.deepStrictEqual([text.slice(0, colon), text.slice(colon + 1)], [username, password])
    },
    { fastCheck: { numRuns: 500 } }
  )

  it.effect("cannot come by a better proof: a refusal fails", () =>
    Effect.gen(function*() {
      const proof = yield* Authenticator.basic({ username: "a", password: Redacted.make(canary) }).prove(request)
      assert.strictEqual(yield* proof.refuse("reuse"), "fail")
    }))
})

describe("Authenticator.bearer", () => {
  it("sends a fixed token", () => {
    const credential = new Credential.Bearer({ token: Redacted.make(canary) })
    assert.strictEqual(signedSync(Authenticator.bearer(credential)).headers["authorization"], `Bearer ${canary}`)
  })

  it.scoped("sends the current token of a source", () =>
    Effect.gen(function*() {
      const authenticator = Authenticator.bearer(yield* numbered)
      const header = Effect.map(signed(authenticator), ({ headers }) => headers["authorization"])
      assert.strictEqual(yield* header, "Bearer canary-token-1")
      assert.strictEqual(yield* header, "Bearer canary-token-1")
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual(yield* header, "Bearer canary-token-2")
    }))

  it.effect("tells the source which token was refused, and how far the request has climbed", () =>
    Effect.gen(function*() {
      const { rejections, token, tokens } = yield* noting
      const proof = yield* Authenticator.bearer(tokens).prove(request)
      assert.strictEqual(yield* proof.refuse("reuse"), "refresh")
      assert.strictEqual(yield* proof.refuse("login"), "refresh")
      assert.deepStrictEqual(yield* Ref.get(rejections), [[token, "reuse"], [token, "login"]])
    }))

  it.effect("fails with what the exchange failed with", () =>
    Effect.gen(function*() {
      const error = new CredentialsRejected({ mode: "Acme" })
      const { tokens } = yield* noting
      const authenticator = Authenticator.bearer({ ...tokens, get: Effect.fail(error) })
      assert.strictEqual(yield* Effect.flip(authenticator.prove(request)), error)
    }))
})

describe("Authenticator.fromTokens", () => {
  it.scoped("builds the signature once for a token and not once for a request", () =>
    Effect.gen(function*() {
      const built: Array<string> = []
      const authenticator = Authenticator.fromTokens(yield* numbered, {
        mode: "Acme",
        places: { headers: ["x-session"], urlParams: [], cookies: [] },
        sign: (token) => {
          built.push(Redacted.value(token.value))
          return Authenticator.header("X-Session", Redacted.value(token.value))
        }
      })
      assert.deepStrictEqual(authenticator.places.headers, ["x-session"])
      for (const _ of [1, 2, 3]) yield* signed(authenticator)
      yield* TestClock.adjust("2 minutes")
      const { headers } = yield* signed(authenticator)
      assert.deepStrictEqual(built, ["canary-token-1", "canary-token-2"])
      assert.strictEqual(headers["x-session"], "canary-token-2")
    }))
})

describe("Authenticator.apiKey", () => {
  it("writes where the credential says, and says where it writes", () => {
    const header = apiKey("header", "X-Api-Key", canary)
    assert.strictEqual(signedSync(header).headers["x-api-key"], canary)
    assert.deepStrictEqual(header.places, { headers: ["x-api-key"], urlParams: [], cookies: [] })

    const query = apiKey("query", "key", "a&b=ключ")
    assert.deepStrictEqual(signedSync(query).urlParams, [["key", "a&b=ключ"]])
    assert.deepStrictEqual(query.places, { headers: [], urlParams: ["key"], cookies: [] })

    const cookie = apiKey("cookie", "session", canary)
    assert.strictEqual(signedSync(cookie).headers["cookie"], `session=${canary}`)
    assert.deepStrictEqual(cookie.places, { headers: [], urlParams: [], cookies: ["session"] })
  })

  const separator = FastCheck.constantFrom(...";, =&\"\\\r\n\t\0éж%#+")
  const anything = FastCheck.oneof(
    FastCheck.string({ unit: "binary" }),
    FastCheck.tuple(FastCheck.string({ maxLength: 2 }), separator, FastCheck.string({ maxLength: 2 }))
      .map((parts) => parts.join(""))
  )

  it.prop(
    "cannot inject: an accepted key is one header, one cookie or one parameter, and arrives as it was",
    [anything, FastCheck.constantFrom("header" as const, "query" as const, "cookie" as const)],
    ([key, place]) => {
      const credential = Credential.apiKey({ key: Redacted.make(key), in: place, name: "key" })
      if (Either.isLeft(credential)) return
      const sent = signedSync(Authenticator.apiKey(credential.right))
      if (place === "query") {
        const url = Either.getOrThrow(UrlParams.makeUrl(sent.url, sent.urlParams, sent.hash))
        return assert.deepStrictEqual([...new URLSearchParams(url.search)], [["key", key]])
      }
      const headers = new Headers(sent.headers) // throws on what a transport would refuse to send
      if (place === "header") return assert.strictEqual(headers.get("key"), key)
      assert.deepStrictEqual(headers.get("cookie")?.split(/; ?/), [`key=${key}`])
    },
    { fastCheck: { numRuns: 1000 } }
  )
})

describe("Authenticator.cookie", () => {
  const session = Authenticator.cookie("session", "new==%2F\"")

  it("stands beside the caller's own cookies, byte for byte", () => {
    const own = HttpClientRequest.setHeader(request, "cookie", "theme=dark; lang=\"en\"")
    assert.strictEqual(session.sign(own).headers["cookie"], "theme=dark; lang=\"en\"; session=new==%2F\"")
  })

  it("replaces a cookie of its own name, and no other that begins alike", () => {
    const own = HttpClientRequest.setHeader(
      request,
      "cookie",
      "session=old;session2=kept; xsession=kept; session=older"
    )
    assert.strictEqual(session.sign(own).headers["cookie"], "session2=kept; xsession=kept; session=new==%2F\"")
  })

  it("is the same when signed twice", () => {
    assert.deepStrictEqual(session.sign(session.sign(request)).headers, session.sign(request).headers)
  })
})

describe("Authenticator.signatures", () => {
  it("writes one after the other, in every place", () => {
    const both = Authenticator.signatures(
      Authenticator.header("X-Csrf", "1"),
      Authenticator.cookie("a", "1"),
      Authenticator.cookie("b", "2"),
      Authenticator.urlParam("key", "3")
    )
    const sent = both.sign(request)
    assert.deepStrictEqual({ ...sent.headers }, { "x-csrf": "1", cookie: "a=1; b=2" })
    assert.deepStrictEqual(sent.urlParams, [["key", "3"]])
    assert.deepStrictEqual(both.places, { headers: ["x-csrf"], urlParams: ["key"], cookies: ["a", "b"] })
  })

  it("leave the caller's request as it was", () => {
    Authenticator.signatures(Authenticator.authorization(canary), Authenticator.urlParam("key", canary)).sign(request)
    assertSecretFree(request, [canary])
  })
})

describe("Authenticator: reading the answer", () => {
  it("takes 401 for a refusal and nothing else, 403 least of all", () => {
    for (const status of [200, 204, 302, 400, 403, 404, 407, 419, 429, 500, 503]) {
      assert.deepStrictEqual(Authenticator.reviewStatus(answer(status)), Authenticator.accepted)
    }
    assert.deepStrictEqual(Authenticator.reviewStatus(answer(401)), Authenticator.refused)
  })

  it.effect("has a mode's own review and explanation where it gives them", () =>
    Effect.gen(function*() {
      const authenticator = Authenticator.basic({ username: "a", password: Redacted.make("b") }, {
        mode: "Acme/Basic",
        review: () => Authenticator.refused,
        explain: () => Effect.succeed({ code: "E1" })
      })
      assert.strictEqual(authenticator.mode, "Acme/Basic")
      const proof = yield* authenticator.prove(request)
      assert.strictEqual(proof.review(answer(200)), Authenticator.refused)
      assert.deepStrictEqual(yield* proof.explain(answer(401)), { code: "E1" })
      const plain = Authenticator.basic({ username: "a", password: Redacted.make("b") })
      assert.strictEqual(plain.mode, "Basic")
      const { explain } = yield* plain.prove(request)
      assert.deepStrictEqual(yield* explain(answer(401)), {})
    }))
})

describe("Authenticator: as a value", () => {
  it.effect("shows no secret in any printout, nor does its proof", () =>
    Effect.gen(function*() {
      const authenticators = [
        Authenticator.basic({ username: "a", password: Redacted.make(canary) }),
        Authenticator.bearer(new Credential.Bearer({ token: Redacted.make(canary) })),
        apiKey("header", "x-api-key", canary),
        apiKey("query", "key", canary),
        apiKey("cookie", "session", canary)
      ]
      for (const authenticator of authenticators) {
        assertSecretFree(authenticator, [canary])
        assertSecretFree(yield* authenticator.prove(request), [canary])
      }
    }))
})
