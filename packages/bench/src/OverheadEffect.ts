/**
 * Contestants on Effect for the overhead of authentication: this library, and what is written by hand without it.
 */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as Credential from "@effect-auth/core/Credential"
import * as RateLimit from "@effect-auth/core/RateLimit"
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
import type { Run } from "./Measure.ts"
import type { Family } from "./Overhead.ts"
import { origin, secret, stubFetchTransport, stubTransport, url } from "./stub.ts"

/** The library, and the idioms, over the platform's client as it comes. */
export const traced: Effect.Effect<Family, unknown, Scope.Scope> = family("Effect HttpClient", stubTransport)

/** The same without the platform's span: the client's own cost halves, so that what is added shows more clearly. */
export const untraced: Effect.Effect<Family, unknown, Scope.Scope> = family(
  "Effect HttpClient, tracing off",
  untracedWhere(true, stubTransport)
)

function untracedWhere(untraced: boolean, transport: HttpClient.HttpClient): HttpClient.HttpClient {
  return untraced
    ? transport.pipe(HttpClient.withTracerDisabledWhen(() => true), HttpClient.withTracerPropagation(false))
    : transport
}

function family(name: string, transport: HttpClient.HttpClient): Effect.Effect<Family, unknown, Scope.Scope> {
  return Effect.gen(function*() {
    const credential = yield* Credential.bearer({ token: (yield* login).value })
    const tokens = yield* TokenSource.make({ login })
    const options = { baseUrl: origin }
    const overCredential = yield* AuthenticatedHttpClient.make(Authenticator.bearer(credential), options)
    const overTokens = yield* AuthenticatedHttpClient.make(Authenticator.bearer(tokens), options)
    const withQuota = yield* AuthenticatedHttpClient.make(Authenticator.bearer(tokens), {
      ...options,
      limits: RateLimit.default
    })
    const overFetch = yield* AuthenticatedHttpClient.make(Authenticator.bearer(tokens), options).pipe(
      Effect.provideService(HttpClient.HttpClient, untracedWhere(transport !== stubTransport, stubFetchTransport))
    )
    const state = yield* Ref.make({ value: secret, expiresAt: (yield* Clock.currentTimeMillis) + 3_600_000 })
    return {
      name,
      bare: loop(() => transport.get(url)),
      variants: [
        { name: "effect-auth, bearer credential", kind: "static", run: loop(() => overCredential.get(url)) },
        { name: "effect-auth, token source", kind: "token", run: loop(() => overTokens.get(url)) },
        {
          name: "effect-auth, token source, relative URL",
          kind: "token",
          run: loop(() => overTokens.get("/things/1"))
        },
        { name: "effect-auth, token source, over fetch", kind: "token", run: loop(() => overFetch.get(url)) },
        { name: "effect-auth, token source, quota", kind: "token", run: loop(() => withQuota.get(url)) },
        ...byHand(transport, state).map(({ client, kind, name }) => ({ name, kind, run: loop(() => client.get(url)) })),
        {
          name: "by hand: cachedInvalidateWithTTL",
          kind: "token",
          run: yield* Effect.map(cached(transport), (client) => loop(() => client.get(url)))
        }
      ]
    } as const
  }).pipe(Effect.provideService(HttpClient.HttpClient, transport))
}

const login = Token.make({ value: secret, lifetime: "1 hour" })

interface Held {
  readonly value: string
  readonly expiresAt: number
}

const byHand = (transport: HttpClient.HttpClient, state: Ref.Ref<Held>) =>
  [
    {
      name: "by hand: bearerToken",
      kind: "static",
      client: HttpClient.mapRequest(transport, HttpClientRequest.bearerToken(secret))
    },
    {
      name: "by hand: Ref",
      kind: "token",
      client: HttpClient.mapRequestEffect(transport, (request) =>
        Effect.map(Ref.get(state), ({ value }) => HttpClientRequest.bearerToken(request, value)))
    },
    {
      name: "by hand: Ref, Clock, 401",
      kind: "token",
      client: HttpClient.makeWith<never, never, unknown, never>(
        Effect.flatMap((request) =>
          Effect.clockWith((clock) =>
            Effect.flatMap(Ref.get(state), (held) =>
              clock.unsafeCurrentTimeMillis() < held.expiresAt
                ? Effect.flatMap(
                  transport.execute(HttpClientRequest.bearerToken(request, held.value)),
                  (response) =>
                    response.status === 401 ? Effect.fail("expired") : Effect.succeed(response)
                )
                : Effect.fail("expired"))
          )
        ),
        Effect.succeed
      )
    },
    {
      name: "by hand: generator, Clock, span",
      kind: "token",
      client: HttpClient.mapRequestEffect(
        transport,
        Effect.fn("authenticate")(function*(request) {
          const now = yield* Clock.currentTimeMillis
          const held = yield* Ref.get(state)
          if (now >= held.expiresAt) return yield* Effect.fail("expired")
          return HttpClientRequest.bearerToken(request, held.value)
        })
      )
    }
  ] as const

const cached = (transport: HttpClient.HttpClient) =>
  Effect.map(
    Effect.cachedInvalidateWithTTL(Effect.succeed(secret), "1 hour"),
    ([get]) =>
      HttpClient.mapRequestEffect(transport, (request) =>
        Effect.map(get, (value) => HttpClientRequest.bearerToken(request, value)))
  )

/** One fiber makes the requests in turn, so that starting a fiber is not part of a request. */
const loop = (request: () => Effect.Effect<unknown, unknown>): Run => (operations) => {
  let done = 0
  return Effect.runPromise(Effect.whileLoop({
    while: () => done < operations,
    body: request,
    step: () => {
      done++
    }
  }))
}
