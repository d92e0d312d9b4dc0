/**
 * Clients that keep a token, each used as its documentation says: this library, idioms on Effect, and peers.
 */
import {
  bearerTokenAuthenticationPolicy,
  createEmptyPipeline,
  createHttpHeaders,
  createPipelineRequest
} from "@azure/core-rest-pipeline"
import { OAuth2Client as BadgatewayClient, OAuth2Fetch } from "@badgateway/oauth2-client"
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import { CredentialsRejected } from "@effect-auth/core/AuthError"
import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import axios, { AxiosError } from "axios"
import { createAuthRefresh } from "axios-auth-refresh"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Ref from "effect/Ref"
import * as Scope from "effect/Scope"
import { gaxios, OAuth2Client as GoogleClient } from "google-auth-library"
import ky from "ky"
import { createFetch } from "ofetch"
import { origin, url } from "./stub.ts"
import type { TokenServer } from "./TokenServer.ts"
import { Refused, tokenUrl } from "./TokenServer.ts"

export interface TokenClient {
  readonly name: string
  /** Whether giving up a request can reach an exchange that it began. */
  readonly canAbort: boolean
  /** Whether callers share an exchange, as far as it means to. */
  readonly singleFlight: boolean
  readonly bare: (server: TokenServer) => Connection
  /** A client whose token has expired already. */
  readonly expired: (server: TokenServer) => Promise<Connection>
}

/** How many of the requests failed. */
export interface Connection {
  /** Sends so many requests at once. With `abortFirst`, the first is given up as soon as all are under way. */
  readonly burst: (requests: number, abortFirst?: boolean) => Promise<number>
  /** Sends so many requests, `concurrency` at a time. */
  readonly stream: (requests: number, concurrency: number) => Promise<number>
  readonly close: () => Promise<void>
}

type EffectClient = HttpClient.HttpClient.With<unknown>

const onEffect = (
  name: string,
  make: (transport: HttpClient.HttpClient, server: TokenServer) => Effect.Effect<EffectClient, unknown, Scope.Scope>
): TokenClient => ({
  name,
  canAbort: true,
  singleFlight: true,
  bare: (server) => effectConnection(transportTo(server), Effect.runSync(Scope.make())),
  expired: async (server) => {
    const scope = await Effect.runPromise(Scope.make())
    const client = await Effect.runPromise(Scope.extend(make(transportTo(server), server), scope))
    // obtains the token that has expired when the measured requests come
    await Effect.runPromise(Effect.ignore(client.get(url)))
    await Effect.runPromise(Effect.sleep(firstLifetime * 4))
    return effectConnection(client, scope)
  }
})

const firstLifetime = 2

const transportTo = (server: TokenServer): HttpClient.HttpClient =>
  HttpClient.make((request) =>
    Effect.map(
      Effect.promise(() => server.request(request.headers["authorization"] ?? null)),
      (response) => HttpClientResponse.fromWeb(request, response)
    )
  )

const effectConnection = (client: EffectClient, scope: Scope.CloseableScope): Connection => {
  // the number of those that failed
  const send = Effect.match(client.get(url), {
    onFailure: () => 1,
    onSuccess: ({ status }) => status === 200 ? 0 : 1
  })
  const all = (requests: number, concurrency: number | "unbounded") => {
    let failed = 0
    return Effect.map(
      Effect.forEach(
        Array.from({ length: requests }),
        () =>
          Effect.map(send, (failures) => {
            failed += failures
          }),
        { concurrency, discard: true }
      ),
      () => failed
    )
  }
  return {
    burst: (requests, abortFirst = false) =>
      Effect.runPromise(Effect.gen(function*() {
        const first = yield* Effect.fork(send)
        yield* Effect.yieldNow()
        const others = yield* Effect.fork(all(requests - 1, "unbounded"))
        yield* Effect.yieldNow()
        if (abortFirst) yield* Fiber.interruptFork(first)
        const failed = yield* Fiber.join(others)
        return abortFirst ? failed : failed + (yield* Fiber.join(first))
      })),
    stream: (requests, concurrency) => Effect.runPromise(all(requests, concurrency)),
    close: () => Effect.runPromise(Scope.close(scope, Exit.void))
  }
}

/** The first token lives for a moment, its successors for an hour. */
const lifetimes = () => {
  let issued = 0
  return () => issued++ === 0 ? firstLifetime : 3_600_000
}

const ours = onEffect("effect-auth", (transport, server) =>
  Effect.gen(function*() {
    const mode = "Bench/Token"
    const lifetime = lifetimes()
    const tokens = yield* TokenSource.make({
      mode,
      policy: RefreshPolicy.default.pipe(RefreshPolicy.renewal(RefreshPolicy.never)),
      login: Effect.tryPromise({
        try: (signal) => server.exchange(signal),
        catch: () => new CredentialsRejected({ mode, status: 401 })
      }).pipe(Effect.flatMap((value) => Token.make({ value, lifetime: Duration.millis(lifetime()) })))
    })
    return yield* AuthenticatedHttpClient.make(Authenticator.bearer(tokens), { baseUrl: origin })
  }).pipe(Effect.provideService(HttpClient.HttpClient, transport)))

interface Held {
  readonly value: string
  readonly expiresAt: number
}

/** Signs with what `get` gives; tells `drop` about a refusal and sends once more. */
const signing = (
  transport: HttpClient.HttpClient,
  get: Effect.Effect<Held, Refused>,
  drop: (held: Held) => Effect.Effect<void>
): EffectClient => {
  const attempt = (request: HttpClientRequest.HttpClientRequest) =>
    Effect.flatMap(get, (held) =>
      Effect.map(
        transport.execute(HttpClientRequest.bearerToken(request, held.value)),
        (response) => ({ held, response })
      ))
  return HttpClient.makeWith<never, never, unknown, never>(
    Effect.flatMap((request) =>
      Effect.flatMap(attempt(request), ({ held, response }) =>
        response.status === 401
          ? Effect.zipRight(drop(held), Effect.map(attempt(request), ({ response }) => response))
          : Effect.succeed(response))
    ),
    Effect.succeed
  )
}

const acquireFrom = (server: TokenServer) => {
  const lifetime = lifetimes()
  return Effect.tryPromise({ try: (signal) => server.exchange(signal), catch: () => new Refused("invalid_client") })
    .pipe(
      Effect.flatMap((value) => Effect.map(Clock.currentTimeMillis, (now) => ({ value, expiresAt: now + lifetime() })))
    )
}

export const semaphore = onEffect("by hand: Ref, Semaphore, compare", (transport, server) =>
  Effect.gen(function*() {
    const current = yield* Ref.make<Held | undefined>(undefined)
    const lock = yield* Effect.makeSemaphore(1)
    const fresh = Effect.zipWith(Ref.get(current), Clock.currentTimeMillis, (held, now) =>
      held !== undefined && now < held.expiresAt ? held : undefined)
    const renew = Effect.tap(acquireFrom(server), (held) =>
      Ref.set(current, held))
    const get = Effect.flatMap(fresh, (held) =>
      held !== undefined ? Effect.succeed(held) : lock.withPermits(1)(
        Effect.flatMap(fresh, (held) =>
          held !== undefined ? Effect.succeed(held) : renew)
      ))
    return signing(transport, get, (refused) => Ref.update(current, (held) => held === refused ? undefined : held))
  }))

const cached = onEffect("by hand: cachedInvalidateWithTTL", (transport, server) =>
  Effect.gen(function*() {
    const [get, invalidate] = yield* Effect.cachedInvalidateWithTTL(acquireFrom(server), "1 hour")
    const checked = Effect.flatMap(get, (held) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        now < held.expiresAt ? Effect.succeed(held) : Effect.zipRight(invalidate, get)))
    return signing(transport, checked, () =>
      invalidate)
  }))

/** A client of promises: `send` answers the status. */
const onPromises = (
  name: string,
  singleFlight: boolean,
  bare: (server: TokenServer) => Send,
  expired: (server: TokenServer) => Send
): TokenClient => ({
  name,
  canAbort: false,
  singleFlight,
  bare: (server) => promiseConnection(bare(server)),
  expired: (server) => Promise.resolve(promiseConnection(expired(server)))
})

type Send = (signal?: AbortSignal) => Promise<number>

const promiseConnection = (send: Send): Connection => {
  const failures = (signal?: AbortSignal): Promise<number> =>
    send(signal).then((status) => status === 200 ? 0 : 1, () => 1)
  return {
    burst: async (requests, abortFirst = false) => {
      const controller = new AbortController()
      const first = failures(controller.signal)
      const others = Promise.all(Array.from({ length: requests - 1 }, () => failures()))
      await Promise.resolve()
      if (abortFirst) controller.abort()
      const failed = (await others).reduce((sum, failed) => sum + failed, 0)
      return abortFirst ? failed : failed + await first
    },
    stream: async (requests, concurrency) => {
      let sent = 0
      let failed = 0
      await Promise.all(Array.from({ length: concurrency }, async () => {
        while (sent < requests) {
          sent++
          failed += await failures()
        }
      }))
      return failed
    },
    close: () => Promise.resolve()
  }
}

const azure = (() => {
  const sendTo = (server: TokenServer, authenticated: boolean): Send => {
    let lifetime = -1
    const pipeline = createEmptyPipeline()
    if (authenticated) {
      pipeline.addPolicy(bearerTokenAuthenticationPolicy({
        scopes: "all",
        credential: {
          getToken: async (_, options) => {
            const token = await server.exchange(options?.abortSignal as AbortSignal | undefined)
            const expiresOnTimestamp = Date.now() + lifetime
            lifetime = 3_600_000
            return { token, expiresOnTimestamp }
          }
        }
      }))
    }
    const transport = {
      sendRequest: async (request: ReturnType<typeof createPipelineRequest>) => {
        const response = await server.request(request.headers.get("authorization") ?? null)
        return { request, status: response.status, headers: createHttpHeaders(Object.fromEntries(response.headers)) }
      }
    }
    return async (abortSignal) => {
      const request = createPipelineRequest({ url, ...(abortSignal === undefined ? undefined : { abortSignal }) })
      return (await pipeline.sendRequest(transport, request)).status
    }
  }
  return {
    ...onPromises(
      "@azure/core-rest-pipeline",
      true,
      (server) => sendTo(server, false),
      (server) => sendTo(server, true)
    ),
    canAbort: true,
    expired: async (server: TokenServer) => {
      const send = sendTo(server, true)
      await send().catch(() => undefined)
      return promiseConnection(send)
    }
  }
})()

const google = onPromises("google-auth-library", true, (server) => {
  const client = new gaxios.Gaxios({ fetchImplementation: server.fetch })
  return () => client.request({ url }).then(({ status }) => status)
}, (server) => {
  const client = new GoogleClient({
    clientId: "bench",
    endpoints: { oauth2TokenUrl: tokenUrl },
    forceRefreshOnFailure: true,
    transporterOptions: { fetchImplementation: server.fetch }
  })
  client.setCredentials({ access_token: "canary-0", refresh_token: "canary", expiry_date: Date.now() - 1 })
  return () => client.request({ url }).then(({ status }) => status)
})

const badgateway = onPromises("@badgateway/oauth2-client", true, (server) => {
  return () => server.fetch(new Request(url)).then(({ status }) => status)
}, (server) => {
  const client = new OAuth2Fetch({
    client: new BadgatewayClient({ server: origin, clientId: "bench" }),
    scheduleRefresh: false,
    getStoredToken: () => ({ accessToken: "canary-0", refreshToken: null, expiresAt: Date.now() - 1 }),
    getNewToken: async () => ({
      accessToken: await server.exchange(),
      refreshToken: null,
      expiresAt: Date.now() + 3_600_000
    })
  }).mw()
  return () => client(new Request(url), server.fetch).then(({ status }) => status)
})

const axiosTo = (server: TokenServer) =>
  axios.create({
    adapter: async (config) => {
      const { status } = await server.request(String(config.headers.get("Authorization") ?? ""))
      const response = { data: null, status, statusText: "", headers: {}, config }
      if (status === 401) throw new AxiosError("401", AxiosError.ERR_BAD_REQUEST, config, null, response)
      return response
    }
  })

/** It reacts to refusals alone: whether a token has expired is for the server to say. */
const axiosAuthRefresh = onPromises("axios-auth-refresh", true, (server) => {
  const client = axiosTo(server)
  return () => client.get(url).then(({ status }) => status)
}, (server) => {
  const client = axiosTo(server)
  let token = "canary-0"
  client.interceptors.request.use((config) => {
    config.headers.set("Authorization", `Bearer ${token}`)
    return config
  })
  // its types are of axios' CommonJS twin
  createAuthRefresh(client as never, async () => {
    token = await server.exchange()
  })
  return () => client.get(url).then(({ status }) => status)
})

/** What the documentations of ky and ofetch show: renew in the hook for a refusal, and send once more. */
const kyHooks = onPromises("ky hooks", false, (server) => {
  const client = ky.create({ fetch: server.fetch, retry: 0 })
  return () => client.get(url).then(({ status }) => status)
}, (server) => {
  let token = "canary-0"
  const client = ky.create({
    fetch: server.fetch,
    retry: 0,
    hooks: {
      beforeRequest: [(request) => request.headers.set("authorization", `Bearer ${token}`)],
      afterResponse: [async (request, _options, response) => {
        if (response.status !== 401) return response
        token = await server.exchange()
        request.headers.set("authorization", `Bearer ${token}`)
        return ky(request, { fetch: server.fetch, retry: 0 })
      }]
    }
  })
  return () => client.get(url).then(({ status }) => status)
})

const ofetchHooks = onPromises("ofetch hooks", false, (server) => {
  const client = createFetch({ fetch: server.fetch })
  return () => client.raw(url).then(({ status }) => status)
}, (server) => {
  let token = "canary-0"
  const client = createFetch({ fetch: server.fetch }).create({
    retry: 1,
    retryStatusCodes: [401],
    onRequest: ({ options }) => {
      options.headers.set("authorization", `Bearer ${token}`)
    },
    onResponseError: async ({ response }) => {
      if (response.status === 401) token = await server.exchange()
    }
  })
  return () => client.raw(url).then(({ status }) => status)
})

export const tokenClients: ReadonlyArray<TokenClient> = [
  ours,
  semaphore,
  cached,
  azure,
  google,
  badgateway,
  axiosAuthRefresh,
  kyHooks,
  ofetchHooks
]
