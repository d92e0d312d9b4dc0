/** One-line faults in the token engine, each of which the model must find. */

export interface Mutation {
  /** What the fault does. */
  readonly fault: string
  /** In `src`. */
  readonly file: string
  /** Must be there, or the list is no longer true. */
  readonly find: string
  readonly replace: string
}

const state = "internal/token/state.ts"
const plan = "internal/token/plan.ts"
const moment = "internal/token/moment.ts"
const rejection = "internal/token/rejection.ts"
const retrying = "internal/token/retrying.ts"
const exchange = "internal/token/exchange.ts"
const interpreter = "internal/token/interpreter.ts"
const granting = "internal/token/granting.ts"
const storage = "internal/token/storage.ts"

export const mutations: ReadonlyArray<Mutation> = [
  {
    fault: "an unpersisted token loses to the older one in the store",
    file: plan,
    find: "(held.persisted && !sameToken(found.token, held.token))",
    replace: "!sameToken(found.token, held.token)"
  },
  {
    fault: "tokens are compared without their refresh tokens",
    file: state,
    find: "Equal.equals(a.value, b.value) && Equal.equals(a.refreshToken, b.refreshToken)",
    replace: "Equal.equals(a.value, b.value)"
  },
  {
    fault: "an exchange links to any number of requests",
    file: exchange,
    find: "request !== undefined && exchange.requests.length < maxLinks",
    replace: "request !== undefined"
  },
  {
    fault: "a rejected token stays fresh",
    file: state,
    find: "held.rejected || held.demand !== undefined || now >= held.expiresAt",
    replace: "held.demand !== undefined || now >= held.expiresAt"
  },
  {
    fault: "an expired token stays fresh",
    file: state,
    find: "held.rejected || held.demand !== undefined || now >= held.expiresAt",
    replace: "held.rejected || held.demand !== undefined"
  },
  {
    fault: "a caller begins an exchange beside the one in flight",
    file: state,
    find: "if (state.exchange !== undefined) return { _tag: \"Join\", exchange: state.exchange }",
    replace: ""
  },
  {
    fault: "a refused login is not remembered",
    file: state,
    find: "return error === undefined ? { _tag: \"Begin\" }",
    replace: "return error?._tag !== \"TokenEndpointError\" ? { _tag: \"Begin\" }"
  },
  {
    fault: "Retry-After is forgotten between exchanges",
    file: state,
    find: "? Moment.within(at, Duration.toMillis(retryAfter(error)), now)",
    replace: "? false"
  },
  {
    fault: "Retry-After is forgotten within an exchange",
    file: retrying,
    find: "Effect.sync(() => TokenState.retryAfter(MutableRef.get(last)?.error))",
    replace: "Effect.sync(() => Duration.zero)"
  },
  {
    fault: "a clock set back prolongs the cool-down",
    file: moment,
    find: "isWithin(since.wall, period, now.wall) && isWithin(since.steady, period, now.steady)",
    replace: "now.wall - since.wall < period"
  },
  {
    fault: "a refusal is tried again",
    file: retrying,
    find: "isTransient(error) &&",
    replace: ""
  },
  {
    fault: "a wrong setting ends the refresh token",
    file: plan,
    find: "(error._tag === \"CredentialsRejected\" && error.reason !== \"Setting\")",
    replace: "error._tag === \"CredentialsRejected\""
  },
  {
    fault: "a proxy's page ends the refresh token",
    file: plan,
    find: "|| error._tag === \"InteractionRequired\"",
    replace: "|| error._tag === \"InteractionRequired\" || error._tag === \"TokenEndpointError\""
  },
  {
    fault: "a refused refresh token is kept",
    file: state,
    find: "undefined : { ...state.held, refreshToken: undefined }",
    replace: "undefined : state.held"
  },
  {
    fault: "the refresh token that a server leaves valid is lost",
    file: plan,
    find: "? { refreshToken, ...Struct.pick(before, \"refreshExpiresAt\") }",
    replace: "? {}"
  },
  {
    fault: "the late refusal of an older token counts against its successor",
    file: rejection,
    find: "if (held !== undefined && !held.rejected && held.token !== token) return [\"reuse\", state]",
    replace: ""
  },
  {
    fault: "refusals by the API lead to any number of logins",
    file: rejection,
    find: "isOwn && loginsAfterRejection.count > most",
    replace: "false"
  },
  {
    fault: "an expired token is adopted from the store",
    file: plan,
    find: "now < DateTime.toEpochMillis(found.token.expiresAt)) &&",
    replace: "true) &&"
  },
  {
    fault: "a token that arrived is not given to those who waited",
    file: exchange,
    find: "current.held !== undefined && current.generation > generation",
    replace: "current.held !== undefined && Exit.isSuccess(exit)"
  },
  {
    fault: "a commit can be interrupted",
    file: interpreter,
    find: "      Effect.flatMap(commit),",
    replace: "      Effect.flatMap((token) => Effect.interruptible(commit(token))),"
  },
  {
    fault: "the token of another account stays held",
    file: interpreter,
    find: "if (before !== undefined && before !== opened) StateRef.update(state, TokenState.forget)",
    replace: ""
  },
  {
    fault: "a login ends the session that it began",
    file: granting,
    find: "endReplaced(source, before.held, provenance)",
    replace: "endReplaced(source, { ...before.held, token }, provenance)"
  },
  {
    fault: "a refresh ends the session that it renewed",
    file: "internal/token/revocation.ts",
    find: "by === \"login\" ?",
    replace: "by === \"login\" || by === \"refresh\" ?"
  },
  {
    fault: "renewals follow one another without a pause",
    file: granting,
    find: "Math.max(Math.ceil(due), now + Duration.toMillis(policy.renewalInterval))",
    replace: "Math.ceil(due)"
  },
  {
    fault: "the store is not locked",
    file: storage,
    find: "const locked = Lock.hold(\n        store,",
    replace: "const locked = Lock.hold(\n        { ...store, withLock: (self) => self },"
  },
  {
    fault: "the store is not read",
    file: storage,
    find: "token: before?.token ?? Option.none(),",
    replace: "token: Option.none(),"
  },
  {
    fault: "a store that cannot be read fails the request",
    file: storage,
    find: "  owner.policy.strictStore ? bounded",
    replace: "  true ? bounded"
  },
  {
    fault: "a token that could not be stored counts as stored",
    file: storage,
    find: "Effect.as(tell(owner, error), whatBecame(error))",
    replace: "Effect.as(tell(owner, error), \"Kept\" as const)"
  },
  {
    fault: "a store that cannot be interrupted holds the callers",
    file: storage,
    find: "Effect.disconnect(Scrub.",
    replace: "(Scrub."
  },
  {
    fault: "the timeout of an exchange reaches a write that is under way",
    file: storage,
    find:
      "    Effect.forkDaemon,\n    Effect.flatMap((fiber) => Effect.onInterrupt(Fiber.join(fiber), () => Fiber.interruptFork(fiber)))\n",
    replace: ""
  },
  {
    fault: "the store of an audience returns any token",
    file: "TokenStore.ts",
    find: "Option.filter(token, ({ audience }) => audience === key)",
    replace: "token"
  },
  {
    fault: "waiters are swept out while they wait",
    file: "internal/token/waiters.ts",
    find: "fiber.unsafePoll() === null",
    replace: "fiber.unsafePoll() !== null"
  },
  {
    fault: "a closed source begins an exchange",
    file: state,
    find: "if (state.closed) return { _tag: \"Closed\" }",
    replace: ""
  }
]
