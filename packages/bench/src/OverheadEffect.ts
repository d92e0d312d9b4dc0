/**
 * Contestants on Effect for the overhead of authentication: this library, and what is written by hand without it.
 */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as Credential from "@effect-auth/core/Credential"
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as RateLimiter from "@effect-auth/rate-limit/RateLimiter"
import * as RateLimitPolicy from "@effect-auth/rate-limit/RateLimitPolicy"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
import type { Run } from "./Measure.ts"
import type { Family } from "./OverheadFamily.ts"
import { directTransport, markedTransport, origin, secret, stubFetchTransport, stubTransport, url } from "./stub.ts"

/** The library, and the idioms, over the platform's client as it comes. */
export const traced: Effect.Effect<Family, unknown, Scope.Scope> = overPlatform(
  "Effect HttpClient",
  stubTransport,
  stubFetchTransport
)

/** The same without the platform's span, which costs an attribute for each header. */
export const untraced: Effect.Effect<Family, unknown, Scope.Scope> = overPlatform(
  "Effect HttpClient, tracing off",
  withoutTracing(stubTransport),
  withoutTracing(stubFetchTransport)
)

export const directAlone = "Effect HttpClient, transport alone"

export const markedAlone = "Effect HttpClient, marked transport alone"

/** The contestant that the goals look at. */
export const tokenSource = "effect-auth, token source"

/**
 * Without what else the platform does for a request (URL, AbortController, FinalizationRegistry): it takes twenty times as
 * long as authentication and varies by more, so that what is added to it is hard to see.
 */
export const direct: Effect.Effect<Family, unknown, Scope.Scope> = Effect.map(
  contestants(directTransport),
  (variants) => ({ name: directAlone, bare: bare(directTransport), variants })
)

/** {@link direct} over a transport that is declared as one that never follows a redirect by itself. */
export const marked: Effect.Effect<Family, unknown, Scope.Scope> = Effect.map(
  contestants(markedTransport),
  (variants) => ({ name: markedAlone, bare: bare(markedTransport), variants })
)

function withoutTracing(transport: HttpClient.HttpClient): HttpClient.HttpClient {
  return transport.pipe(HttpClient.withTracerDisabledWhen(() => true), HttpClient.withTracerPropagation(false))
}

function overPlatform(
  name: string,
  transport: HttpClient.HttpClient,
  fetch: HttpClient.HttpClient
): Effect.Effect<Family, unknown, Scope.Scope> {
  return Effect.gen(function*() {
    const tokens = yield* TokenSource.make({ login })
    const overFetch = yield* AuthenticatedHttpClient.make(Authenticator.bearer(tokens), { baseUrl: origin }).pipe(
      Effect.provideService(HttpClient.HttpClient, fetch)
    )
    return {
      name,
      bare: bare(transport),
      variants: [
        ...(yield* contestants(transport)),
        { name: "effect-auth, token source, over fetch", kind: "token", run: loop(() => overFetch.get(url)) },
        ...(yield* slowByHand(transport))
      ]
    }
  })
}

const bare = (transport: HttpClient.HttpClient): Run => loop(() => transport.get(url))

function contestants(
  transport: HttpClient.HttpClient
): Effect.Effect<ReadonlyArray<Family["variants"][number]>, unknown, Scope.Scope> {
  return Effect.gen(function*() {
    const credential = Either.getOrThrow(Credential.bearer({ token: (yield* login).value }))
    const tokens = yield* TokenSource.make({ login })
    const options = { baseUrl: origin }
    const overCredential = yield* AuthenticatedHttpClient.make(Authenticator.bearer(credential), options)
    const overTokens = yield* AuthenticatedHttpClient.make(Authenticator.bearer(tokens), options)
    const withQuota = yield* AuthenticatedHttpClient.make(Authenticator.bearer(tokens), {
      ...options,
      rateLimiter: yield* RateLimiter.make(RateLimitPolicy.default)
    })
    const state = yield* heldState
    return [
      { name: "effect-auth, bearer credential", kind: "static", run: loop(() => overCredential.get(url)) },
      { name: tokenSource, kind: "token", run: loop(() => overTokens.get(url)) },
      { name: "effect-auth, token source, relative URL", kind: "token", run: loop(() => overTokens.get("/things/1")) },
      { name: "effect-auth, token source, quota", kind: "token", run: loop(() => withQuota.get(url)) },
      ...byHand(transport, state).map(({ client, kind, name }) => ({ name, kind, run: loop(() => client.get(url)) }))
    ] as const
  }).pipe(Effect.provideService(HttpClient.HttpClient, transport))
}

const login = Token.make({ value: secret, lifetime: "1 hour" })

interface Held {
  readonly value: string
  readonly expiresAt: number
}

const heldState: Effect.Effect<Ref.Ref<Held>> = Effect.flatMap(
  Clock.currentTimeMillis,
  (now) => Ref.make({ value: secret, expiresAt: now + 3_600_000 })
)

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
    }
  ] as const

const slowByHand = (transport: HttpClient.HttpClient) =>
  Effect.gen(function*() {
    const state = yield* heldState
    const generator = HttpClient.mapRequestEffect(
      transport,
      Effect.fn("authenticate")(function*(request) {
        const now = yield* Clock.currentTimeMillis
        const held = yield* Ref.get(state)
        if (now >= held.expiresAt) return yield* Effect.fail("expired")
        return HttpClientRequest.bearerToken(request, held.value)
      })
    )
    const [get] = yield* Effect.cachedInvalidateWithTTL(Effect.succeed(secret), "1 hour")
    const cached = HttpClient.mapRequestEffect(transport, (request) =>
      Effect.map(get, (value) => HttpClientRequest.bearerToken(request, value)))
    return [
      {
        name: "by hand: generator, Clock, span",
        kind: "token",
        run: loop(() =>
          generator.get(url)
        )
      },
      { name: "by hand: cachedInvalidateWithTTL", kind: "token", run: loop(() => cached.get(url)) }
    ] as const
  })

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
