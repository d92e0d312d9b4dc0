/**
 * What a source of tokens is made of: the options its user gives, the changes and the snapshot it shows, and the cells
 * it consists of. Plain data, so that ten thousand sources share the code.
 */
import type * as RequestContext from "@effect-auth/rate-limit/internal/requestContext"
import type { Stepper } from "@effect-auth/rate-limit/internal/schedule"
import type * as StateRef from "@effect-auth/rate-limit/internal/stateRef"
import * as Context from "effect/Context"
import type * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as MutableRef from "effect/MutableRef"
import type * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type * as Runtime from "effect/Runtime"
import type { Schedule } from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type * as Subscribable from "effect/Subscribable"
import type * as Tracer from "effect/Tracer"
import type { ExchangeError } from "../../AuthError.ts"
import type { RefreshPolicy } from "../../RefreshPolicy.ts"
import type { Token } from "../../Token.ts"
import type { TokenStore } from "../../TokenStore.ts"
import type { Demand } from "./demand.ts"
import type { RenewalStep } from "./rejection.ts"
import type { Progress } from "./settling.ts"
import type { Freshness, Provenance, Rules, Saved, TokenState } from "./state.ts"
import type { Waiters } from "./waiters.ts"

/**
 * A change of the token, for persisting or displaying it.
 *
 * @since 0.1.0
 * @category models
 */
export type TokenChange =
  | { readonly _tag: "Obtained"; readonly provenance: Provenance; readonly token: Token }
  | { readonly _tag: "Rejected"; readonly token: Token }
  /** The session was ended by `end`. */
  | { readonly _tag: "Ended" }
  /** The source has closed; the last change. */
  | { readonly _tag: "Cleared" }

/**
 * What a source shows of itself, without a secret.
 *
 * @since 0.1.0
 * @category models
 */
export interface Snapshot {
  readonly freshness: Freshness | "Empty"
  /** How many tokens the source has held so far. */
  readonly generation: number
  readonly expiresAt: Option.Option<DateTime.Utc>
  /** Whether a login or refresh is in flight. */
  readonly exchanging: boolean
  /** The failure of the last exchange, until a token arrives. */
  readonly failure: Option.Option<ExchangeError>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options<R = never> {
  /**
   * Obtains a token from the credentials alone. A function can ask for more than its settings say, when the server demands
   * it. Default: nothing can without a person, so it fails with `InteractionRequired`.
   */
  readonly login?:
    | Effect.Effect<Token, ExchangeError, R>
    | ((demand: Demand) => Effect.Effect<Token, ExchangeError, R>)
    | undefined
  /**
   * Obtains a token by asking a person, when a login is not enough. It runs outside the store's lock, at most for the
   * policy's `interaction`, and is not retried. Early renewal and keep-alive never begin it, and neither does a call
   * that may not ({@link MayInteract}). A stored session is one person's: give each person a source and a store of their own.
   */
  readonly interactive?: ((demand: Demand) => Effect.Effect<Token, ExchangeError, R>) | undefined
  /** Redeems the refresh token of a token. A refusal leads to `login`. */
  readonly refresh?:
    | ((refreshToken: Redacted.Redacted, token: Token) => Effect.Effect<Token, ExchangeError, R>)
    | undefined
  /**
   * When to send a token again that was just issued and is refused by the API, because not all of its servers know it
   * yet. The schedule's input is the age of the token: bound it, or each token waits once the server stops accepting it.
   * A token that was accepted before is not tried again. Default: never.
   */
  readonly settling?: Schedule<unknown, Duration.Duration> | undefined
  /**
   * Ends the session at the server when the Scope ends. With a `store` it is run only for a session from a login that could
   * not be stored, because a stored one is meant to outlive this process.
   */
  readonly revoke?: ((token: Token) => Effect.Effect<unknown, ExchangeError, R>) | undefined
  /** Whether `revoke` is also run for a token that a login replaces. Default: no. */
  readonly endReplaced?: boolean | undefined
  /**
   * A token obtained before. It is treated as if the store had held it: used while it is valid, else refreshed. Read
   * once, by the first exchange that finds no token in the store.
   */
  readonly initial?: Effect.Effect<Option.Option<Token>, ExchangeError, R> | undefined
  readonly policy?: RefreshPolicy | undefined
  /**
   * Where tokens outlive this process. An Effect is run by each exchange; `None` means there is no store. When it returns
   * another store than before, the held token is forgotten, because it belongs to another account: return the same object
   * while the account is the same.
   */
  readonly store?: TokenStore | Effect.Effect<Option.Option<TokenStore>, ExchangeError, R> | undefined
  /**
   * Run with every change, in order and one at a time. It delays no request; a defect in it is logged. The end of the
   * Scope waits for pending runs, at most for the policy's `closing`, so that the last token is not lost.
   */
  readonly onChange?: ((change: TokenChange) => Effect.Effect<unknown, never, R>) | undefined
  /** The mode the tokens are for, such as `Yamcs/Password`; shown in errors, events and metrics. */
  readonly mode?: string | undefined
}

/**
 * Whether a call may lead to an interactive login. Provide `false` to work in the background, which then fails with
 * `InteractionRequired` instead.
 *
 * @example
 * ```ts
 * import type { AuthenticatedHttpClient } from "@effect-auth/core/AuthenticatedHttpClient"
 * import * as TokenSource from "@effect-auth/core/TokenSource"
 * import * as Effect from "effect/Effect"
 *
 * declare const http: AuthenticatedHttpClient["Type"]
 *
 * const polled = Effect.provideService(http.get("/news"), TokenSource.MayInteract, false)
 * ```
 *
 * @since 0.1.0
 * @category references
 */
export class MayInteract extends Context.Reference<MayInteract>()("@effect-auth/core/TokenSource/MayInteract", {
  defaultValue: () => true
}) {}

/**
 * @since 0.1.0
 * @category models
 */
export interface TokenSource {
  /** A token that is valid now. Waits only when there is none; fails with the error of the exchange. */
  readonly get: Effect.Effect<Token, ExchangeError>
  /**
   * {@link TokenSource.get} at a time (epoch ms) that the caller has read already. When the token is fresh this is an
   * `Exit`, which a hot path recognises without running an effect.
   */
  readonly getAt: (now: number) => Effect.Effect<Token, ExchangeError>
  /**
   * Reports that the server rejected the token, for a request that has already `attempted` a step (default: none), and
   * whether it has `accepted` the token for another one (default: not known). Returns the step by which the next `get`
   * obtains another token, or `fail` when this request cannot get a better one. Only the first rejection of a token
   * counts; later ones find its successor (`reuse`).
   *
   * A refreshed token that was never accepted leads to a login. A token that a login brought is worth one more login in
   * the policy's `coolDown`, or three if it was accepted: the server may say 401 where it means 403.
   *
   * With a `demand`, the server wants more than the token stands for. That leads to a login that asks for it, and for
   * whatever was demanded before, or to `fail` if the last login asked for it already. If the login fails, the token
   * stays good for other requests.
   */
  readonly reject: (
    token: Token,
    attempted?: RenewalStep,
    accepted?: boolean,
    demand?: Demand
  ) => Effect.Effect<RenewalStep>
  /**
   * Ends the session: forgets the token, removes it from the store and revokes it at the server. The next `get` logs in
   * again. Fails if the store or the server could not be told; the token is forgotten all the same.
   */
  readonly end: Effect.Effect<void, ExchangeError>
  /**
   * Every change, in order, beginning with the latest one; ends with the source. A slow subscriber loses nothing and
   * delays nothing: unread changes wait in memory, one small record each.
   */
  readonly changes: Stream.Stream<TokenChange>
  /** What the source shows of itself, now and whenever it changes. */
  readonly state: Subscribable.Subscribable<Snapshot>
}

/** The cells and settings of one source. */
export interface Source<R> {
  /** The request of a Worker that its exchanges belong to. */
  readonly owner: RequestContext.Owner
  readonly mode: string
  readonly policy: RefreshPolicy
  readonly rules: Rules
  readonly options: Options<R>
  /** Exchanges run in it, because they outlive the callers that need them. */
  readonly runtime: Runtime.Runtime<R>
  readonly state: StateRef.StateRef<TokenState<Exchange>>
  /** The policy's schedule of renewals, stepped once for each token. */
  readonly renewal: Stepper<Token>
  readonly changes: StateRef.StateRef<TokenChange | undefined>
  /** `undefined`: a refusal by the API is believed at once. */
  readonly settling: Progress | undefined
  /** The end of the session that a login replaced last. */
  readonly ending: MutableRef.MutableRef<Fiber.RuntimeFiber<void> | undefined>
  /** The store of the last exchange, where the `store` option is an Effect. */
  readonly lastStore: MutableRef.MutableRef<TokenStore | undefined>
  /** Stores the token that could not be stored, if nothing else was stored since. */
  readonly unsaved: MutableRef.MutableRef<Effect.Effect<Saved> | undefined>
  /** The store whose announcements are listened to. */
  readonly followed: MutableRef.MutableRef<TokenStore | undefined>
  readonly scope: Scope.Scope
}

/** The one exchange in flight. */
export interface Exchange {
  /** Whether one of those who wait for it may bother a person. */
  readonly mayInteract: MutableRef.MutableRef<boolean>
  /** Whether a person has been asked to log in. */
  readonly interacted: MutableRef.MutableRef<boolean>
  /**
   * Whether a login or refresh has been sent whose result is not settled yet: no answer came, or its token is being
   * stored. Not while a failed one waits to be sent again.
   */
  readonly onTheWire: MutableRef.MutableRef<boolean>
  readonly waiters: Waiters<Token, ExchangeError>
  readonly fiber: MutableRef.MutableRef<Fiber.RuntimeFiber<void> | undefined>
  /** The spans of the requests that wait for it. */
  readonly requests: Array<Tracer.AnySpan>
}
