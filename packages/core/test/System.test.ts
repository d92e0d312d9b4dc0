import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { CredentialsRejected, CredentialUnavailable, TokenEndpointError } from "../src/AuthError.ts"
import * as RefreshPolicy from "../src/RefreshPolicy.ts"
import * as System from "../src/System.ts"
import * as Token from "../src/Token.ts"
import type { TokenChange } from "../src/TokenSource.ts"
import * as TokenStore from "../src/TokenStore.ts"
import * as TokenStores from "../src/TokenStores.ts"

const mode = "Acme/Password"
const origin = "https://acme.example"
const account = "canary-account"

/** A mode whose server numbers its tokens and counts what it is asked. */
const acme = (overrides: Partial<System.Session<never>> = {}) =>
  Effect.gen(function*() {
    const sent = yield* Ref.make<ReadonlyArray<string>>([])
    const note = (what: string) => Ref.updateAndGet(sent, (sent) => [...sent, what])
    const exchange = (what: string) =>
      Effect.flatMap(note(what), ({ length }) =>
        Token.make({ value: `canary-token-${length}`, refreshToken: `canary-refresh-${length}`, lifetime: "1 hour" }))
    const session: System.Session<never> = {
      mode,
      origin,
      account: Effect.succeed(account),
      login: exchange("login"),
      refresh: () =>
        exchange("refresh"),
      revoke: () =>
        note("revoke"),
      ...overrides
    }
    return { session, sent: Ref.get(sent) }
  })

const stored = (value: string) => Token.make({ value, lifetime: "1 hour" })
const value = (token: Token.Token) => Redacted.value(token.value)

/** The store that the program's `TokenStores` keep for an audience. */
const storeOf = (audience: Partial<TokenStores.Audience> = {}) =>
  Effect.flatMap(
    TokenStores.TokenStores,
    ({ forAudience }) => Effect.map(TokenStores.audienceKey({ mode, origin, account, ...audience }), forAudience)
  )

/** The store as the mode sees it. */
const ours = (store: TokenStore.TokenStore) =>
  Effect.map(TokenStores.audienceKey({ mode, origin, account }), (key) => TokenStore.forAudience(store, key))

describe("System", () => {
  describe("makeTokens", () => {
    it.scoped("sends nothing before a token is asked for", () =>
      Effect.gen(function*() {
        const { sent, session } = yield* acme()
        const tokens = yield* System.makeTokens(session, {})
        assert.deepStrictEqual(yield* sent, [])
        yield* tokens.get
        assert.deepStrictEqual(yield* sent, ["login"])
      }))

    it.scoped("brings the mode's refresh and initial token into the source", () =>
      Effect.gen(function*() {
        const { sent, session } = yield* acme({ initial: Effect.asSome(stored("canary-initial")) })
        const tokens = yield* System.makeTokens(session, {})
        const first = yield* tokens.get
        assert.strictEqual(value(first), "canary-initial")
        yield* tokens.reject(first)
        yield* tokens.reject(yield* tokens.get)
        yield* tokens.get
        assert.deepStrictEqual(yield* sent, ["login", "refresh"])
      }))

    it.scoped("names the mode in errors", () =>
      Effect.gen(function*() {
        const { session } = yield* acme({ login: Effect.never })
        const policy = RefreshPolicy.timeout(RefreshPolicy.default, "1 milli")
        const tokens = yield* System.makeTokens(session, { refreshPolicy: policy })
        const caller = yield* Effect.fork(Effect.flip(tokens.get))
        yield* TestClock.adjust("1 milli")
        assert.deepInclude(yield* caller, { _tag: "TokenEndpointError", mode })
      }))
  })

  describe("eager", () => {
    it.scoped("logs in at once", () =>
      Effect.gen(function*() {
        const { sent, session } = yield* acme()
        const tokens = yield* System.makeTokens(session, { eager: true })
        assert.deepStrictEqual(yield* sent, ["login"])
        yield* tokens.get
        assert.deepStrictEqual(yield* sent, ["login"])
      }))

    it.scoped("fails with the error of the login", () =>
      Effect.gen(function*() {
        const refused = new CredentialsRejected({ mode, status: 401 })
        const { session } = yield* acme({ login: refused })
        const error = yield* Effect.flip(System.makeTokens(session, { eager: true }))
        assert.strictEqual(error.message, refused.message)
      }))

    it.scoped("is content with a stored token", () =>
      Effect.gen(function*() {
        const { sent, session } = yield* acme()
        const store = yield* TokenStore.makeMemory
        yield* TokenStore.set(yield* ours(store), yield* stored("canary-stored"))
        yield* System.makeTokens(session, { eager: true, store })
        assert.deepStrictEqual(yield* sent, [])
      }))
  })

  describe("logout", () => {
    const afterClosing = (options: Parameters<typeof System.makeTokens>[1]) =>
      Effect.gen(function*() {
        const { sent, session } = yield* acme()
        yield* Effect.scoped(System.makeTokens(session, { ...options, eager: true }))
        return yield* sent
      })

    it.effect("revokes the token when the Scope ends", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* afterClosing({}), ["login", "revoke"])
        assert.deepStrictEqual(yield* afterClosing({ logout: true }), ["login", "revoke"])
      }))

    it.effect("revokes nothing when it is false", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* afterClosing({ logout: false }), ["login"])
      }))

    it.effect("revokes nothing that a store keeps", () =>
      Effect.gen(function*() {
        const store = yield* TokenStore.makeMemory
        assert.deepStrictEqual(yield* afterClosing({ store }), ["login"])
        assert.isTrue(Option.isSome((yield* store.get).token))
      }))

    it.effect("revokes nothing that TokenStores keep", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* afterClosing({}), ["login"])
        const store = yield* storeOf()
        assert.isTrue(Option.isSome((yield* store.get).token))
      }).pipe(Effect.provide(TokenStores.layerMemory)))
  })

  describe("store", () => {
    it.scoped("takes precedence over TokenStores", () =>
      Effect.gen(function*() {
        const { sent, session } = yield* acme()
        const store = yield* TokenStore.makeMemory
        yield* TokenStore.set(yield* ours(store), yield* stored("canary-given"))
        const others = yield* storeOf()
        yield* TokenStore.set(others, yield* stored("canary-of-the-program"))
        const tokens = yield* System.makeTokens(session, { store })
        assert.strictEqual(value(yield* tokens.get), "canary-given")
        assert.deepStrictEqual(yield* sent, [])
      }).pipe(Effect.provide(TokenStores.layerMemory)))

    it.scoped("never hands a token to another mode, server or account, although all use one store", () =>
      Effect.gen(function*() {
        const store = yield* TokenStore.makeMemory
        const strangers: ReadonlyArray<Partial<System.Session<never>>> = [
          { account: Effect.succeed("another-account") },
          { origin: "https://another.example" },
          { mode: "Acme/Jwt" }
        ]
        for (const stranger of strangers) {
          const first = yield* acme()
          const theirs = yield* (yield* System.makeTokens(first.session, { store })).get
          const { sent, session } = yield* acme(stranger)
          const tokens = yield* System.makeTokens(session, { store })
          yield* tokens.get
          assert.deepStrictEqual(yield* sent, ["login"])
          assert.notStrictEqual(yield* tokens.get, theirs)
        }
      }))

    it.scoped("takes a stored token that names no audience for none", () =>
      Effect.gen(function*() {
        const { sent, session } = yield* acme()
        const store = yield* TokenStore.makeMemory
        yield* TokenStore.set(store, yield* stored("canary-of-whom"))
        yield* (yield* System.makeTokens(session, { store })).get
        assert.deepStrictEqual(yield* sent, ["login"])
      }))

    it.scoped("is that of the audience in TokenStores unless one is given", () =>
      Effect.gen(function*() {
        const { sent, session } = yield* acme()
        yield* TokenStore.set(yield* storeOf(), yield* stored("canary-stored"))
        const tokens = yield* System.makeTokens(session, {})
        assert.strictEqual(value(yield* tokens.get), "canary-stored")
        assert.deepStrictEqual(yield* sent, [])
      }).pipe(Effect.provide(TokenStores.layerMemory)))

    it.scoped("differs from the store of another mode, origin or account", () =>
      Effect.gen(function*() {
        const others: ReadonlyArray<Partial<TokenStores.Audience>> = [
          { mode: "Acme/Jwt" },
          { origin: "https://other.example" },
          { account: "canary-other" }
        ]
        for (const other of others) {
          yield* TokenStore.set(yield* storeOf(other), yield* stored("canary-of-another"))
        }
        const { sent, session } = yield* acme()
        const tokens = yield* System.makeTokens(session, {})
        assert.strictEqual(value(yield* tokens.get), "canary-token-1")
        assert.deepStrictEqual(yield* sent, ["login"])
      }).pipe(Effect.provide(TokenStores.layerMemory)))

    it.effect("outlives the source: the next one of the same audience needs no login", () =>
      Effect.gen(function*() {
        const { sent, session } = yield* acme()
        const once = Effect.scoped(Effect.flatMap(System.makeTokens(session, {}), (tokens) => tokens.get))
        assert.strictEqual(value(yield* once), value(yield* once))
        assert.deepStrictEqual(yield* sent, ["login"])
      }).pipe(Effect.provide(TokenStores.layerMemory)))
  })

  describe("account", () => {
    it.scoped("is read with each exchange, so that a changed account finds its own token", () =>
      Effect.gen(function*() {
        const current = yield* Ref.make("canary-first")
        const { sent, session } = yield* acme({ account: Ref.get(current) })
        const tokens = yield* System.makeTokens(session, {})
        yield* tokens.get
        yield* TokenStore.set(
          yield* storeOf({ account: "canary-second" }),
          yield* Token.make({ value: "canary-of-second", lifetime: "3 hours" })
        )
        yield* Ref.set(current, "canary-second")
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(value(yield* tokens.get), "canary-of-second")
        assert.deepStrictEqual(yield* sent, ["login"])
      }).pipe(Effect.provide(TokenStores.layerMemory)))

    it.scoped("that changes begins a session of its own: no token is stored for another account", () =>
      Effect.gen(function*() {
        const current = yield* Ref.make("canary-first")
        const { sent, session } = yield* acme({ account: Ref.get(current) })
        const tokens = yield* System.makeTokens(session, {})
        yield* tokens.get
        yield* Ref.set(current, "canary-second")
        yield* TestClock.adjust("1 hour")
        yield* tokens.get
        assert.deepStrictEqual(yield* sent, ["login", "login"])
      }).pipe(Effect.provide(TokenStores.layerMemory)))

    it.scoped("that is unavailable fails the request, and is read again for the next one", () =>
      Effect.gen(function*() {
        const missing = new CredentialUnavailable({ mode, problem: "the vault is sealed" })
        const sealed = yield* Ref.make(true)
        const { sent, session } = yield* acme({
          account: Effect.flatMap(Ref.get(sealed), (sealed) => sealed ? missing : Effect.succeed(account))
        })
        const tokens = yield* System.makeTokens(session, {})
        const caller = yield* Effect.fork(Effect.flip(tokens.get))
        yield* TestClock.adjust("5 seconds")
        assert.strictEqual((yield* Fiber.join(caller)).message, missing.message)
        assert.deepStrictEqual(yield* sent, [])
        yield* Ref.set(sealed, false)
        assert.strictEqual(value(yield* tokens.get), "canary-token-1")
      }).pipe(Effect.provide(TokenStores.layerMemory)))

    it.scoped("is not read without TokenStores", () =>
      Effect.gen(function*() {
        const { session } = yield* acme({ account: Effect.die("the account is not needed") })
        const tokens = yield* System.makeTokens(session, {})
        assert.strictEqual(value(yield* tokens.get), "canary-token-1")
      }))
  })

  describe("onTokenChange", () => {
    const named = (change: TokenChange) => change._tag === "Obtained" ? change.provenance : change._tag

    it.effect("runs with every change in order, up to the end of the Scope", () =>
      Effect.gen(function*() {
        const { session } = yield* acme()
        const changes = yield* Ref.make<ReadonlyArray<string>>([])
        const scope = yield* Scope.make()
        const tokens = yield* System.makeTokens(session, {
          onTokenChange: (change) => Ref.update(changes, (changes) => [...changes, named(change)])
        }).pipe(Scope.extend(scope))
        yield* tokens.reject(yield* tokens.get)
        yield* tokens.get
        yield* Scope.close(scope, Exit.void)
        assert.deepStrictEqual(yield* Ref.get(changes), ["login", "Rejected", "refresh", "Cleared"])
      }))

    it.scoped("sees the login of an eager source", () =>
      Effect.gen(function*() {
        const { session } = yield* acme()
        const seen = yield* Ref.make<ReadonlyArray<string>>([])
        const tokens = yield* System.makeTokens(session, {
          eager: true,
          onTokenChange: (change) => Ref.update(seen, (seen) => [...seen, named(change)])
        })
        yield* Stream.runHead(tokens.changes)
        yield* Effect.yieldNow()
        assert.deepStrictEqual(yield* Ref.get(seen), ["login"])
      }))
  })

  describe("refreshPolicy", () => {
    it.scoped("replaces the default policy", () =>
      Effect.gen(function*() {
        const unavailable = new TokenEndpointError({ mode, reason: "Unavailable", status: 503 })
        const attempts = yield* Ref.make(0)
        const { session } = yield* acme({ login: Effect.zipRight(Ref.update(attempts, (n) => n + 1), unavailable) })
        const refreshPolicy = RefreshPolicy.retry(RefreshPolicy.default, Schedule.recurs(1))
        const tokens = yield* System.makeTokens(session, { refreshPolicy })
        assert.strictEqual((yield* Effect.flip(tokens.get)).message, unavailable.message)
        assert.strictEqual(yield* Ref.get(attempts), 2)
      }))
  })

  describe("readConfig", () => {
    const read = <A>(config: Config.Config.Wrap<A>, variables: Record<string, string>) =>
      Effect.withConfigProvider(
        System.readConfig<A>(config),
        ConfigProvider.fromMap(new Map(Object.entries(variables)))
      )

    it.effect("takes an empty variable for one that is not set, though Config would not", () =>
      Effect.gen(function*() {
        const config = { baseUrl: Config.string("ACME_URL"), password: Config.redacted("ACME_PASSWORD") }
        const error = yield* Effect.flip(read(config, { ACME_URL: "", ACME_PASSWORD: "" }))
        assert.strictEqual(
          String(error),
          "(Missing data at ACME: \"these variables are not set:\n  ACME_URL\n  ACME_PASSWORD\")"
        )
        const eager = Config.withDefault(Config.boolean("ACME_EAGER"), false)
        assert.deepStrictEqual(yield* read({ eager }, { ACME_EAGER: "" }), { eager: false })
      }))

    it.effect("takes an empty password of Basic that is given as a value", () =>
      Effect.gen(function*() {
        const password = Config.succeed(Redacted.make(""))
        const config = { credential: Config.all({ username: Config.string("ACME_USERNAME"), password }) }
        const { credential } = yield* read(config, { ACME_USERNAME: "canary-key" })
        assert.strictEqual(Redacted.value(credential.password), "")
      }))
  })

  describe("layerConfig", () => {
    class Address extends Context.Tag("test/Address")<Address, string>() {}

    const layer = System.layerConfig(
      { baseUrl: Config.string("ACME_URL") },
      ({ baseUrl }) => Layer.succeed(Address, baseUrl)
    )
    const addressIn = (variables: Record<string, string>) =>
      Effect.withConfigProvider(
        Effect.provide(Address, layer),
        ConfigProvider.fromMap(new Map(Object.entries(variables)))
      )

    it.effect("is the layer of the settings as they are configured", () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* addressIn({ ACME_URL: "https://acme.example" }), "https://acme.example")
      }))

    it.effect("fails with what is not set, an empty variable included", () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(addressIn({ ACME_URL: "" }))
        assert.include(String(error), "ACME_URL")
      }))
  })

  describe("a setting that travels in a header", () => {
    const headers = [
      ["canary\u200b", "invisible"],
      ["canary’s", "curly quote"],
      ["canary\r\n", "white space"],
      ["канарейка", "Latin-1"],
      [" ", "white space"]
    ] as const
    it.each(headers)("is refused by its name if it cannot be sent (%j)", (value, named) => {
      const error = Either.getOrThrow(Either.flip(System.headerSetting("csrfToken", value)))
      assert.deepInclude(error, { _tag: "InvalidSetting", setting: "csrfToken" })
      assert.include(error.problem, named)
      assert.notInclude(error.problem, "canary")
    })

    it("is as it was given, be it empty", () => {
      for (const value of ["", "local", "a b", "clé"]) {
        assert.deepStrictEqual(System.headerSetting("csrfToken", value), Either.right(value))
      }
    })

    it("is a token where it is a name", () => {
      assert.deepStrictEqual(System.nameSetting("cookieName", "LtpaToken2_1"), Either.right("LtpaToken2_1"))
      for (const name of ["", "sso ", "s=o", "s;o", "sso\u200b"]) {
        const { message } = Either.getOrThrow(Either.flip(System.nameSetting("cookieName", name)))
        assert.match(message, /^cookieName: must be a token/)
      }
    })
  })
})
