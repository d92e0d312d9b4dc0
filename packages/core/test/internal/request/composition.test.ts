import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import { CredentialsRejected, CredentialUnavailable } from "@effect-auth/core/AuthError"
import * as Credential from "@effect-auth/core/Credential"
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"

type Request = HttpClientRequest.HttpClientRequest

/** Answers every request by a function and keeps what was sent. */
const transport = (answer: (request: Request, url: URL) => Response) => {
  const sent: Array<{ readonly url: string; readonly headers: Readonly<Record<string, string>> }> = []
  const client = ScriptedHttpClient.make(({ headers, request, url }) => {
    sent.push({ url: url.href, headers })
    return answer(request, url)
  })
  return { client, sent }
}

const ok = () => new Response("ok")

const get = (authenticator: Authenticator.Authenticator, client: HttpClient.HttpClient, path = "/") =>
  Effect.flatMap(
    AuthenticatedHttpClient.make(authenticator, {
      baseUrl: "https://api.example",
      origins: ["https://gateway.example", "https://third.example"]
    }),
    (http) => http.get(path)
  ).pipe(Effect.provideService(HttpClient.HttpClient, client))

const key = (where: "header" | "query" | "cookie", name: string, value = "canary-key") =>
  Authenticator.apiKey(Either.getOrThrow(Credential.apiKey({ key: Redacted.make(value), in: where, name })))

const basic = Authenticator.basic({ username: "operator", password: Redacted.make("canary-password") })

/** A source that logs in as often as it is asked to, with tokens `name1`, `name2`, ... */
const counting = (name: string) => {
  let logins = 0
  return TokenSource.make({ mode: name, login: Effect.suspend(() => Token.make({ value: `${name}${++logins}` })) })
}

const unavailable = (mode: string) =>
  Authenticator.unavailable({ mode, problem: `${mode.toUpperCase()}_TOKEN is not set` })

describe("what a refusal says", () => {
  it.effect("is the server's challenge, in a message that a person can act on", () =>
    Effect.gen(function*() {
      const challenge =
        `Basic realm="staff", Bearer realm="api", error="invalid_token", error_description="it\texpired"`
      const { client } = transport(() => new Response("", { status: 401, headers: { "www-authenticate": challenge } }))
      const error = yield* Effect.flip(get(basic, client))
      assert.deepInclude(error, { _tag: "CredentialsRejected", mode: "Basic", status: 401, code: "invalid_token" })
      assert.strictEqual(
        error.message,
        "Basic: the server rejected the credentials at https://api.example/ (HTTP 401, invalid_token): it expired"
      )
    }))
})

describe("Authenticator.all", () => {
  it.effect("writes all credentials on a request", () =>
    Effect.gen(function*() {
      const { client, sent } = transport(ok)
      const authenticator = Authenticator.all(basic, key("header", "x-acme-key"), key("query", "api_key"))
      yield* get(authenticator, client)
      assert.include(sent[0]?.headers["authorization"], "Basic ")
      assert.strictEqual(sent[0]?.headers["x-acme-key"], "canary-key")
      assert.strictEqual(sent[0]?.url, "https://api.example/?api_key=canary-key")
      assert.strictEqual(authenticator.mode, "Basic+ApiKey+ApiKey")
    }))

  it.scoped("renews the proofs that can be renewed and sends the request again", () =>
    Effect.gen(function*() {
      const { client, sent } = transport(({ headers }) =>
        new Response("", { status: headers["authorization"] === "Bearer session2" ? 200 : 401 })
      )
      const session = Authenticator.bearer(yield* counting("session"))
      const response = yield* get(Authenticator.all(key("header", "x-acme-key"), session), client)
      assert.strictEqual(response.status, 200)
      assert.deepStrictEqual(sent.map(({ headers }) => headers["authorization"]), [
        "Bearer session1",
        "Bearer session2"
      ])
      assert.isTrue(sent.every(({ headers }) => headers["x-acme-key"] === "canary-key"))
    }))

  it.scoped("gives up when renewing did not help, with the words of whoever understands the answer", () =>
    Effect.gen(function*() {
      const { client, sent } = transport(() => new Response("", { status: 401 }))
      const session = Authenticator.bearer(yield* counting("session"), {
        explain: () => Effect.succeed({ code: "E42" })
      })
      const error = yield* Effect.flip(get(Authenticator.all(key("header", "x-acme-key"), session), client))
      assert.deepInclude(error, { _tag: "AuthenticationFailed", mode: "ApiKey+Bearer", code: "E42" })
      assert.lengthOf(sent, 2)
    }))

  it.effect("does not send a request for which one of the credentials is missing", () =>
    Effect.gen(function*() {
      const { client, sent } = transport(ok)
      const error = yield* Effect.flip(get(Authenticator.all(basic, unavailable("Key")), client))
      assert.strictEqual(error._tag, "CredentialUnavailable")
      assert.lengthOf(sent, 0)
    }))
})

describe("Authenticator.firstAvailable", () => {
  it.effect("passes over what is unavailable and uses the first that is there", () =>
    Effect.gen(function*() {
      const { client, sent } = transport(ok)
      yield* get(Authenticator.firstAvailable(unavailable("A"), basic, key("header", "x-acme-key")), client)
      assert.include(sent[0]?.headers["authorization"], "Basic ")
      assert.isUndefined(sent[0]?.headers["x-acme-key"])
    }))

  it.effect("lists every attempt when nothing is available, also those of a nested choice", () =>
    Effect.gen(function*() {
      const { client, sent } = transport(ok)
      const authenticator = Authenticator.firstAvailable(
        unavailable("A"),
        Authenticator.firstAvailable(unavailable("B"), unavailable("C"))
      )
      const error = yield* Effect.flip(get(authenticator, client))
      assert.instanceOf(error, CredentialUnavailable)
      assert.strictEqual(
        error.message,
        "A|B|C: no credential is available; A: A_TOKEN is not set; B: B_TOKEN is not set; C: C_TOKEN is not set"
      )
      assert.lengthOf(sent, 0)
    }))

  it.effect("does not go on when a credential is rejected by the server", () =>
    Effect.gen(function*() {
      const { client, sent } = transport(() => new Response("", { status: 401 }))
      const error = yield* Effect.flip(get(Authenticator.firstAvailable(basic, key("header", "x-acme-key")), client))
      assert.deepInclude(error, { _tag: "CredentialsRejected", mode: "Basic" })
      assert.lengthOf(sent, 1)
    }))

  it.scoped("does not go on when a login is rejected", () =>
    Effect.gen(function*() {
      const { client, sent } = transport(ok)
      const tokens = yield* TokenSource.make({ login: Effect.fail(new CredentialsRejected({ mode: "Session" })) })
      const error = yield* Effect.flip(get(Authenticator.firstAvailable(Authenticator.bearer(tokens), basic), client))
      assert.strictEqual(error._tag, "CredentialsRejected")
      assert.lengthOf(sent, 0)
    }))

  it.scoped("goes on when a login has no credential to begin with", () =>
    Effect.gen(function*() {
      const { client, sent } = transport(ok)
      const tokens = yield* TokenSource.make({
        login: Effect.fail(new CredentialUnavailable({ mode: "Session", problem: "the vault is sealed", final: true }))
      })
      yield* get(Authenticator.firstAvailable(Authenticator.bearer(tokens), basic), client)
      assert.include(sent[0]?.headers["authorization"], "Basic ")
    }))

  it.effect("reads an answer as the chosen one does", () =>
    Effect.gen(function*() {
      const { client } = transport(() => new Response("", { status: 403 }))
      const strict = Authenticator.basic(
        { username: "operator", password: Redacted.make("canary-password") },
        { review: ({ status }) => status === 403 ? Authenticator.refused : Authenticator.accepted }
      )
      const error = yield* Effect.flip(get(Authenticator.firstAvailable(unavailable("A"), strict), client))
      assert.strictEqual(error._tag, "CredentialsRejected")
      assert.strictEqual((yield* get(Authenticator.firstAvailable(basic, strict), client)).status, 403)
    }))
})

describe("Authenticator.byOrigin", () => {
  const made = Either.getOrThrow(Authenticator.byOrigin({
    "https://API.example:443/ignored": basic,
    "https://gateway.example": key("query", "api_key")
  }))

  it.effect("takes the authenticator of the request's origin", () =>
    Effect.gen(function*() {
      const { client, sent } = transport(ok)
      yield* get(made, client, "/a")
      yield* get(made, client, "https://gateway.example/b")
      assert.include(sent[0]?.headers["authorization"], "Basic ")
      assert.isUndefined(sent[1]?.headers["authorization"])
      assert.deepStrictEqual(sent.map(({ url }) => url), [
        "https://api.example/a",
        "https://gateway.example/b?api_key=canary-key"
      ])
    }))

  it.effect("refuses an origin that has none", () =>
    Effect.gen(function*() {
      const { client, sent } = transport(ok)
      const error = yield* Effect.flip(get(made, client, "https://third.example/"))
      assert.deepInclude(error, { _tag: "OriginRefused", origin: "https://third.example" })
      assert.lengthOf(sent, 0)
    }))

  it("refuses keys that are no origins", () => {
    for (const url of ["api.example", "mailto:a@b", "/path", ""]) {
      assert.isTrue(Either.isLeft(Authenticator.byOrigin({ [url]: basic })), url)
    }
  })
})
