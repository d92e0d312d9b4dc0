/**
 * One exchange from begin to end: lock the store, see what it holds, climb (adopt, refresh, log in), and commit what
 * arrives before anything can interrupt.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Tracer from "effect/Tracer"
import type { ExchangeError } from "../AuthError.ts"
import { isTransient, TokenEndpointError } from "../AuthError.ts"
import * as AuthEvent from "../AuthEvent.ts"
import type { RefreshPolicy } from "../RefreshPolicy.ts"
import type { Token } from "../Token.ts"
import type { Options } from "../TokenSource.ts"
import * as TokenState from "../TokenState.ts"

/** What the ladder needs to know of its source, and what it tells it. */
export interface Source {
  readonly mode: string
  readonly policy: RefreshPolicy
  readonly rules: TokenState.Rules
  readonly held: () => TokenState.Held | undefined
  readonly refreshRefused: () => void
  readonly granted: (token: Token, origin: TokenState.Origin, persisted: boolean) => Effect.Effect<void>
}

/**
 * `requests` are the spans of those who wait; they may grow while the exchange runs. The exchange's own spans link to
 * them and have no parent: an exchange serves many requests and outlives each of them.
 */
export const climb = <R>(
  source: Source,
  options: Options<R>,
  requests: ReadonlyArray<Tracer.AnySpan>
): Effect.Effect<void, ExchangeError, R> => {
  const { mode, policy, rules } = source
  const { refresh, store } = options

  const attempt = (
    kind: "login" | "refresh",
    self: Effect.Effect<Token, ExchangeError, R>
  ): Effect.Effect<void, ExchangeError, R> =>
    // a rotated refresh token exists nowhere else: from the moment it is here, nothing comes between it and the commit
    Effect.uninterruptibleMask((restore) =>
      restore(Effect.retry(self, { schedule: policy.retry, while: isTransient })).pipe(
        Effect.tapError((error) => AuthEvent.publish(AuthEvent.AuthEvent.ExchangeFailed({ mode, kind, error }))),
        Effect.flatMap((token) => commit(token, kind)),
        Effect.ensuring(linkTo(requests))
      )
    ).pipe(
      Effect.withSpan(`auth.${kind}`, {
        root: true,
        kind: "client",
        attributes: { "auth.mode": mode },
        captureStackTrace: false
      })
    )

  const commit = (token: Token, origin: "login" | "refresh"): Effect.Effect<void> =>
    store === undefined ? source.granted(token, origin, true) : store.set(token).pipe(
      Effect.as(true),
      Effect.catchAll((error) => Effect.as(AuthEvent.publish(AuthEvent.AuthEvent.StoreFailed({ mode, error })), false)),
      Effect.flatMap((persisted) => source.granted(token, origin, persisted))
    )

  const login = attempt("login", options.login)

  const proceed = (stored: Option.Option<Token>): Effect.Effect<void, ExchangeError, R> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const plan = TokenState.plan(source.held(), Option.getOrUndefined(stored), now, rules)
      if (plan._tag === "Adopt") return Effect.uninterruptible(source.granted(plan.token, "store", true))
      if (plan._tag === "Login" || refresh === undefined) return login
      return attempt(
        "refresh",
        Effect.map(refresh(plan.refreshToken), (token) => TokenState.refreshed(token, plan.refreshToken))
      ).pipe(
        Effect.catchIf((error) => !isTransient(error), () => {
          source.refreshRefused()
          return login
        })
      )
    })

  return Effect.timeoutFail(
    store === undefined ? proceed(Option.none()) : store.withLock(Effect.flatMap(store.get, proceed)),
    {
      duration: policy.timeout,
      onTimeout: () =>
        new TokenEndpointError({ mode, reason: "Timeout", detail: `longer than ${Duration.format(policy.timeout)}` })
    }
  )
}

const linkTo = (requests: ReadonlyArray<Tracer.AnySpan>): Effect.Effect<void> =>
  Effect.ignore(Effect.map(Effect.currentSpan, (span) => {
    span.addLinks(requests.map((request) => ({ _tag: "SpanLink", span: request, attributes: {} })))
  }))
