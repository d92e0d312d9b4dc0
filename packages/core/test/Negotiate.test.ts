import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as AuthenticatedHttpClient from "../src/AuthenticatedHttpClient.ts"
import { isTransient } from "../src/AuthError.ts"
import * as Negotiate from "../src/Negotiate.ts"
import { assertSecretFree } from "./printouts.ts"

/** A desk with tickets, which numbers its tokens and remembers for whom they were. */
const desk = Effect.gen(function*() {
  const asked = yield* Ref.make<ReadonlyArray<Negotiate.Target>>([])
  const token: Negotiate.Service["token"] = (target) =>
    Effect.map(
      Ref.modify(asked, (all) => [all.length, [...all, target]]),
      (serial) => Redacted.make(`canary-ticket-${serial}`)
    )
  return { asked: Ref.get(asked), layer: Layer.succeed(Negotiate.Negotiate, { token }) }
})

const without = (reason: Negotiate.NegotiateError["reason"]) =>
  Layer.succeed(Negotiate.Negotiate, {
    token: ({ service }) => new Negotiate.NegotiateError({ reason, service, problem: "the words of the system" })
  })

/** A client of a server that answers as the test says, and the `Authorization` of each request that arrived. */
const clientOf = (
  options: Negotiate.Options,
  answer: (url: URL, seen: number) => Response = () => new Response("hello")
) =>
  Effect.gen(function*() {
    const seen = yield* Ref.make<ReadonlyArray<string | undefined>>([])
    const transport = HttpClient.make((request, url) =>
      Effect.map(
        Ref.modify(seen, (all) => [all.length, [...all, request.headers["authorization"]]]),
        (number) => HttpClientResponse.fromWeb(request, answer(url, number))
      )
    )
    const http = yield* AuthenticatedHttpClient.make(yield* Negotiate.authenticator(options), {
      baseUrl: "https://intranet.example",
      origins: ["https://files.example:8443"],
      redirects: 3
    }).pipe(Effect.provideService(HttpClient.HttpClient, transport))
    return { http, seen: Ref.get(seen) }
  })

const refusal = (challenge: string | undefined) => () =>
  new Response(null, {
    status: 401,
    ...(challenge === undefined ? {} : { headers: { "www-authenticate": challenge } })
  })

describe("Negotiate", () => {
  it.effect("sends a token of its own with each request, unasked", () =>
    Effect.gen(function*() {
      const { asked, layer } = yield* desk
      const { http, seen } = yield* Effect.provide(clientOf({}), layer)
      yield* http.get("/a")
      yield* http.get("/b")
      assert.deepStrictEqual(yield* seen, ["Negotiate canary-ticket-0", "Negotiate canary-ticket-1"])
      assert.deepStrictEqual((yield* asked).map(({ service }) => service), [
        "HTTP@intranet.example",
        "HTTP@intranet.example"
      ])
    }))

  it.effect("makes another token for another host, after a redirect too", () =>
    Effect.gen(function*() {
      const { asked, layer } = yield* desk
      const { http, seen } = yield* Effect.provide(
        clientOf({}, ({ hostname }) =>
          hostname === "files.example"
            ? new Response("hello")
            : new Response(null, { status: 302, headers: { location: "https://files.example:8443/a" } })),
        layer
      )
      assert.strictEqual((yield* http.get("/a")).status, 200)
      assert.deepStrictEqual(yield* seen, ["Negotiate canary-ticket-0", "Negotiate canary-ticket-1"])
      assert.deepStrictEqual((yield* asked).map(({ service }) => service), [
        "HTTP@intranet.example",
        "HTTP@files.example"
      ])
    }))

  it.effect("asks for the service and the principal that are named", () =>
    Effect.gen(function*() {
      const { asked, layer } = yield* desk
      const target = { service: "HTTP@cluster.example", principal: "robot@EXAMPLE.COM" }
      const { http } = yield* Effect.provide(clientOf(target), layer)
      yield* http.get("/a")
      assert.deepStrictEqual(yield* asked, [target])
    }))

  for (
    const [url, service] of [
      ["https://Intranet.Example:8443/a?b", "HTTP@intranet.example"],
      ["https://intranet.example./", "HTTP@intranet.example"],
      ["http://[::1]:8090/", "HTTP@::1"]
    ] as const
  ) {
    it(`the server of ${url} is ${service}`, () => assert.strictEqual(Negotiate.serviceOf(url), service))
  }

  for (
    const [what, challenge, detail] of [
      ["did not accept the ticket", "Negotiate", "the server did not accept the ticket"],
      [
        "wants another leg",
        "Negotiate oYGXMIGUoAMKAQE=",
        "the server did not accept the ticket, or wants another leg, which is not supported"
      ],
      ["takes other schemes", "Basic realm=\"files\"", "basic (files); Negotiate is not among what the server accepts"],
      ["says nothing", undefined, "the server did not accept the ticket"]
    ] as const
  ) {
    it.effect(`a server that ${what} has refused the credentials, and is not asked again`, () =>
      Effect.gen(function*() {
        const { layer } = yield* desk
        const { http, seen } = yield* Effect.provide(clientOf({}, refusal(challenge)), layer)
        const error = yield* Effect.flip(http.get("/a"))
        assert.strictEqual(error._tag, "CredentialsRejected")
        assert.include(error.message, detail)
        assertSecretFree(error, ["canary-ticket-0"])
        assert.strictEqual((yield* seen).length, 1)
      }))
  }

  for (
    const [reason, transient] of [
      ["NoCredentials", false],
      ["TicketExpired", false],
      ["UnknownService", false],
      ["KdcUnreachable", true],
      ["Unsupported", false],
      ["Failed", false]
    ] as const
  ) {
    it.effect(`${reason} is no refusal of the server, which is not asked${transient ? ", and is worth another try" : ""}`, () =>
      Effect.gen(function*() {
        const { http, seen } = yield* Effect.provide(clientOf({ mode: "Acme/Tickets" }), without(reason))
        const error = yield* Effect.flip(http.get("/a"))
        assert.deepInclude(error, { _tag: "CredentialUnavailable", mode: "Acme/Tickets", code: reason })
        assert.include(error.message, "no Kerberos token for HTTP@intranet.example: the words of the system")
        assert.strictEqual(error._tag === "CredentialUnavailable" && isTransient(error), transient)
        assert.deepStrictEqual(yield* seen, [])
      }))
  }
})
