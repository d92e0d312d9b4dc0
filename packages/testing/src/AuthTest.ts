/**
 * Layers for tests of programs that call an authenticated API: in the place of a mode's layer, with the same tags and the
 * same evidence, and without a server. Each is the real client over a scripted transport, so that what a program meets is
 * what it meets in earnest: the errors, the replays, and the waits on the Clock.
 *
 * @since 0.1.0
 */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import { CredentialsRejected } from "@effect-auth/core/AuthError"
import * as AuthMode from "@effect-auth/core/AuthMode"
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as RateLimiter from "@effect-auth/rate-limit/RateLimiter"
import * as RateLimitPolicy from "@effect-auth/rate-limit/RateLimitPolicy"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
import * as ScriptedHttpClient from "./ScriptedHttpClient.ts"

/**
 * What a layer stands for: the tag of a client, the name of a mode, or both, as a system's own layer provides them:
 * `{ mode: "Yamcs/Password", client: Yamcs.YamcsClient }`.
 *
 * @since 0.1.0
 * @category models
 */
export type Target = string | ClientTag | { readonly mode: string; readonly client: ClientTag }

/**
 * A `Context.Tag` of an authenticated client, whatever it identifies.
 *
 * @since 0.1.0
 * @category models
 */
export interface ClientTag {
  readonly key: string
  readonly Identifier: unknown
  readonly Service: AuthenticatedHttpClient.Service
}

/**
 * What a layer provides for a target: the shared client, the target's own tag, the evidence of its mode, and the log of
 * the transport.
 *
 * @since 0.1.0
 * @category models
 */
export type Provided<T> =
  | AuthenticatedHttpClient.AuthenticatedHttpClient
  | ScriptedHttpClient.ScriptedHttpClient
  | Own<T>

type Own<T> = T extends string ? AuthMode.Evidence<T>
  : T extends ClientTag ? T["Identifier"]
  : T extends { readonly mode: infer Name extends string; readonly client: infer Tag extends ClientTag }
    ? Tag["Identifier"] | AuthMode.Evidence<Name>
  : never

/**
 * The server accepts every request. `answers` is what it answers with (default: 200 without a body), and `as` whom it
 * takes the program for: the bearer token is `canary-` and this name.
 *
 * @example
 * ```ts
 * import * as AuthTest from "@effect-auth/testing/AuthTest"
 * import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
 * import * as Yamcs from "@effect-auth/yamcs/Yamcs"
 * import * as Effect from "effect/Effect"
 *
 * declare const program: Effect.Effect<number, Error, Yamcs.YamcsClient>
 *
 * const test = Effect.gen(function*() {
 *   yield* program
 *   return yield* Effect.flatMap(ScriptedHttpClient.ScriptedHttpClient, ({ requests }) => requests)
 * }).pipe(Effect.provide(
 *   AuthTest.authenticated({ mode: "Yamcs/Password", client: Yamcs.YamcsClient }, {
 *     answers: ScriptedHttpClient.routes({ "GET /api/instances": { json: { instances: [] } } })
 *   })
 * ))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const authenticated = <const T extends Target>(
  target: T,
  options: { readonly as?: string | undefined; readonly answers?: ScriptedHttpClient.Script | undefined } = {}
): Layer.Layer<Provided<T>> => {
  const token = Token.make({ value: `canary-${options.as ?? "anyone"}` })
  return layer(target, options.answers ?? {}, (mode) => withTokens(mode, Effect.orDie(token)))
}

/**
 * The server accepts no credentials: every call fails with `CredentialsRejected`.
 *
 * @since 0.1.0
 * @category layers
 */
export const rejecting = <const T extends Target>(target: T): Layer.Layer<Provided<T>> =>
  layer(target, { status: 401 }, (mode) => withTokens(mode, new CredentialsRejected({ mode, status: 401 })))

/**
 * The server accepts requests until `after` has passed. The session is renewed as often as `renewals` says (default: never),
 * each time for as long again; after that every call fails with `CredentialsRejected`.
 *
 * @since 0.1.0
 * @category layers
 */
export const expiring = <const T extends Target>(
  target: T,
  options: {
    readonly after: Duration.DurationInput
    readonly renewals?: number | undefined
    readonly answers?: ScriptedHttpClient.Script | undefined
  }
): Layer.Layer<Provided<T>> =>
  layer(target, options.answers ?? {}, (mode) =>
    Effect.flatMap(Ref.make(0), (logins) =>
      withTokens(
        mode,
        Effect.flatMap(Ref.getAndUpdate(logins, (n) => n + 1), (n) =>
          n > (options.renewals ?? 0)
            ? new CredentialsRejected({ mode, status: 401, detail: "the session has ended" })
            : Effect.orDie(Token.make({ value: `canary-${n + 1}`, lifetime: Duration.decode(options.after) })))
      )))

/**
 * The server answers the first requests (as many as `times`; default: all) with 429 and `retryAfter`. The client waits on
 * the Clock, as long as `maxWait` allows (default: not at all), and fails with `RateLimited` where that is too short.
 *
 * @since 0.1.0
 * @category layers
 */
export const rateLimited = <const T extends Target>(
  target: T,
  options: {
    readonly retryAfter: Duration.DurationInput
    readonly times?: number | undefined
    readonly maxWait?: Duration.DurationInput | undefined
    readonly answers?: ScriptedHttpClient.Script | undefined
  }
): Layer.Layer<Provided<T>> => {
  const seconds = Math.ceil(Duration.toSeconds(options.retryAfter))
  const answer = ScriptedHttpClient.routes({ "* /*": options.answers ?? {} })
  const script: ScriptedHttpClient.Handler = (request, earlier) =>
    earlier.length < (options.times ?? Infinity)
      ? { status: 429, headers: { "retry-after": `${seconds}` } }
      : answer(request, earlier.slice(options.times))
  const policy = RateLimitPolicy.default.pipe(RateLimitPolicy.maxWait(Duration.decode(options.maxWait ?? 0)))
  return layer(
    target,
    script,
    (mode) =>
      Effect.flatMap(
        RateLimiter.make(policy),
        (rateLimiter) => withTokens(mode, Effect.orDie(Token.make({ value: "canary-anyone" })), { rateLimiter })
      )
  )
}

/** What only a test sees. */
const baseUrl = "https://auth-test.example"

const withTokens = (
  mode: string,
  login: Effect.Effect<Token.Token, CredentialsRejected>,
  options?: { readonly rateLimiter: RateLimiter.RateLimiter }
) =>
  Effect.flatMap(
    TokenSource.make({ mode, login }),
    (tokens) => AuthenticatedHttpClient.make(Authenticator.bearer(tokens, { mode }), { baseUrl, ...options })
  )

const layer = <const T extends Target, E>(
  target: T,
  script: ScriptedHttpClient.Script,
  make: (
    mode: string
  ) => Effect.Effect<AuthenticatedHttpClient.Service, E, HttpClient.HttpClient | Scope.Scope>
): Layer.Layer<Provided<T>> => {
  const { client, mode } = partsOf(target)
  return Layer.scopedContext(
    Effect.gen(function*() {
      const transport = ScriptedHttpClient.make(script)
      const service = yield* make(mode ?? "Test").pipe(
        Effect.provideService(HttpClient.HttpClient, transport),
        Effect.orDie
      )
      const evidence = mode === undefined ? undefined : AuthMode.evidence(mode, service)
      const shared = Context.make(AuthenticatedHttpClient.AuthenticatedHttpClient, service).pipe(
        Context.add(ScriptedHttpClient.ScriptedHttpClient, transport)
      )
      // which tags these are depends on a conditional type
      return Context.unsafeMake<Provided<T>>(
        new Map<string, unknown>([
          ...shared.unsafeMap,
          ...(evidence?.unsafeMap ?? []),
          ...(client === undefined ? [] : [[client.key, service] as const])
        ])
      )
    })
  )
}

const partsOf = (target: Target): { readonly mode?: string; readonly client?: ClientTag } =>
  typeof target === "string" ? { mode: target } : "key" in target ? { client: target } : target
