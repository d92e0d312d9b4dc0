import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as RateLimiter from "@effect-auth/rate-limit/RateLimiter"
import * as RateLimitPolicy from "@effect-auth/rate-limit/RateLimitPolicy"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Scheduler from "effect/Scheduler"
import * as Stream from "effect/Stream"
import * as ManualRedirect from "../../../src/internal/request/manualRedirect.ts"
import * as Transport from "../../../src/Transport.ts"

const request = HttpClientRequest.get("https://api.example/")

/** A client that keeps the context of each of its requests, and then does as it is told. */
const observing = (then: Effect.Effect<unknown, HttpClientError.HttpClientError> = Effect.void) => {
  const contexts: Array<Context.Context<never>> = []
  const client = HttpClient.make((request) =>
    Effect.context<never>().pipe(
      Effect.tap((context) => contexts.push(context)),
      Effect.zipRight(then),
      Effect.as(HttpClientResponse.fromWeb(request, new Response("")))
    )
  )
  return { client, contexts }
}

/** The `RequestInit` that a fetch would read from each context. */
const inits = (contexts: ReadonlyArray<Context.Context<never>>) =>
  contexts.map((context) => Option.getOrUndefined(Context.getOption(context, FetchHttpClient.RequestInit)))

const failing = Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport" }))

/** Every way in which a request ends; the last one needs help. */
const ends: Readonly<Record<string, Effect.Effect<unknown, HttpClientError.HttpClientError>>> = {
  success: Effect.void,
  failure: failing,
  defect: Effect.die("canary-defect"),
  "interruption of itself": Effect.interrupt,
  "failure after a while": Effect.zipRight(Effect.yieldNow(), failing),
  interruption: Effect.never
}

/** The ways of {@link ManualRedirect} to a transport. */
const ways: Readonly<
  Record<string, (client: HttpClient.HttpClient) => Effect.Effect<unknown, HttpClientError.HttpClientError>>
> = {
  make: (client) => ManualRedirect.make(client)(request),
  makeMatched: (client) => sendMatched(client, Effect.succeed)
}

const sendMatched = <A>(
  client: HttpClient.HttpClient,
  onSuccess: (response: HttpClientResponse.HttpClientResponse) => Effect.Effect<A>
) =>
  Effect.withFiberRuntime<A, HttpClientError.HttpClientError>((fiber) => {
    const handlers = { onSuccess, onFailure: Effect.failCause<HttpClientError.HttpClientError> }
    return ManualRedirect.makeMatched(client)?.(fiber, request, handlers) ??
      Effect.matchCauseEffect(client.execute(request), handlers)
  })

/** Lets others run once, before this step of its fiber. */
const pausingAt = (step: number): Scheduler.Scheduler => {
  let steps = 0
  return {
    shouldYield: () => ++steps === step ? 0 : false,
    scheduleTask: (task, priority, fiber) => Scheduler.defaultScheduler.scheduleTask(task, priority, fiber)
  }
}

describe("manualRedirect", () => {
  describe("any transport", () => {
    it.effect("is told not to follow redirects, for every request", () =>
      Effect.gen(function*() {
        const { client, contexts } = observing()
        const send = ManualRedirect.make(client)
        yield* Effect.repeatN(send(request), 2)
        assert.deepStrictEqual(inits(contexts), Array(3).fill({ redirect: "manual" }))
      }))

    it.effect("keeps the caller's RequestInit, except for its redirect mode", () =>
      Effect.gen(function*() {
        const { client, contexts } = observing()
        yield* ManualRedirect.make(client)(request).pipe(
          Effect.provideService(FetchHttpClient.RequestInit, { credentials: "include", redirect: "follow" })
        )
        assert.deepStrictEqual(inits(contexts), [{ credentials: "include", redirect: "manual" }])
      }))

    it.effect("keeps what a layer below gives it, and takes back what switches redirects on", () =>
      Effect.gen(function*() {
        const { client, contexts } = observing()
        const below = HttpClient.transformResponse(
          client,
          Effect.provideService(FetchHttpClient.RequestInit, { credentials: "include", redirect: "follow" })
        )
        const before = yield* Effect.context<never>()
        yield* Effect.repeatN(ManualRedirect.make(below)(request), 1)
        assert.deepStrictEqual(inits(contexts), Array(2).fill({ credentials: "include", redirect: "manual" }))
        assert.strictEqual(yield* Effect.context<never>(), before)
      }))

    it.effect("keeps the RequestInit and the Fetch that fetch's own layer was provided with", () =>
      Effect.gen(function*() {
        const seen: Array<RequestInit | undefined> = []
        const fetch: typeof globalThis.fetch = (_url, init) => {
          seen.push(init)
          return Promise.resolve(new Response(""))
        }
        const layer = FetchHttpClient.layer.pipe(
          Layer.provide(Layer.succeed(FetchHttpClient.RequestInit, { cache: "no-store", redirect: "follow" })),
          Layer.provide(Layer.succeed(FetchHttpClient.Fetch, fetch))
        )
        const client = yield* Effect.provide(HttpClient.HttpClient, layer)
        yield* ManualRedirect.make(client)(request)
        assert.deepInclude(seen[0], { cache: "no-store", redirect: "manual" })
      }))

    it.effect("of fetch leaves the context as it was to those that clean up after an interruption", () =>
      Effect.gen(function*() {
        const before = yield* Effect.context<never>()
        const seen = yield* Ref.make<ReadonlyArray<Context.Context<never>>>([])
        const started = yield* Deferred.make<void>()
        const answers = [new Response(""), new Response("")]
        const fetch: typeof globalThis.fetch = () => {
          const answer = answers.pop()
          if (answer !== undefined) return Promise.resolve(answer)
          Deferred.unsafeDone(started, Effect.void)
          return new Promise(() => {})
        }
        const client = yield* Effect.provide(
          HttpClient.HttpClient,
          Layer.provide(FetchHttpClient.layer, Layer.succeed(FetchHttpClient.Fetch, fetch))
        )
        const send = ManualRedirect.make(client)
        const fiber = yield* send(request).pipe(
          Effect.repeatN(2),
          Effect.ensuring(
            Effect.flatMap(Effect.context<never>(), (context) => Ref.update(seen, (all) => [...all, context]))
          ),
          Effect.fork
        )
        yield* Deferred.await(started)
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(yield* Ref.get(seen), [before])
      }))

    it.effect("that follows a redirect nevertheless is an error that no retry repeats", () =>
      Effect.gen(function*() {
        const plain = { status: 200, headers: new Headers(), redirected: false, type: "basic" }
        const answers = [
          Object.defineProperty(new Response(""), "redirected", { value: true }),
          Object.defineProperty(new Response(""), "type", { value: "opaqueredirect" }),
          // of a fetch that has a class of its own
          { ...plain, redirected: true } as unknown as Response,
          { ...plain, type: "opaqueredirect" } as unknown as Response
        ]
        for (const web of answers) {
          const client = HttpClient.make((request) => Effect.succeed(HttpClientResponse.fromWeb(request, web)))
          const error = yield* Effect.flip(ManualRedirect.make(client)(request))
          assert.strictEqual(error.reason, "InvalidUrl")
          assert.deepInclude(error.cause, { _tag: "RedirectRefused", url: "https://api.example/" })
        }
      }))

    it.effect("is never given another fiber's context", () =>
      Effect.gen(function*() {
        class Caller extends Context.Tag("test/Caller")<Caller, number>() {}
        const { client, contexts } = observing(Effect.yieldNow())
        const send = ManualRedirect.make(client)
        yield* Effect.forEach(
          [1, 2, 3],
          (caller) => Effect.repeatN(Effect.provideService(send(request), Caller, caller), 1),
          { concurrency: "unbounded" }
        )
        const callers = contexts.map((context) => Option.getOrThrow(Context.getOption(context, Caller)))
        assert.deepStrictEqual([...callers].sort(), [1, 1, 2, 2, 3, 3])
        assert.deepStrictEqual(inits(contexts), Array(6).fill({ redirect: "manual" }))
      }))

    it.effect("leaves the fiber's context as it was, after a success and after a failure", () =>
      Effect.gen(function*() {
        const before = yield* Effect.context<never>()
        for (const then of [Effect.void, failing, Effect.die("canary-defect")]) {
          const { client } = observing(then)
          yield* Effect.exit(ManualRedirect.make(client)(request))
          assert.strictEqual(yield* Effect.context<never>(), before)
        }
      }))

    it.effect("leaves the fiber's context as it was to those that clean up, however a request ends", () =>
      Effect.gen(function*() {
        const before = yield* Effect.context<never>()
        const seen: Array<readonly [way: string, asItWas: boolean]> = []
        for (const [name, send] of Object.entries(ways)) {
          for (const [end, then] of Object.entries(ends)) {
            const { client } = observing(then)
            const look = Effect.map(Effect.context<never>(), (context) => {
              seen.push([`${name}, ${end}`, context === before])
            })
            yield* send(client).pipe(
              Effect.onExit(() => look),
              Effect.ensuring(look),
              Effect.exit,
              Effect.zipRight(look),
              Effect.fork,
              Effect.flatMap((fiber) =>
                end === "interruption" ? Effect.zipRight(Effect.yieldNow(), Fiber.interrupt(fiber)) : Fiber.await(fiber)
              )
            )
          }
        }
        assert.deepStrictEqual(seen.filter(([, asItWas]) => !asItWas), [])
        assert.lengthOf(seen, 2 * (3 * 5 + 2))
      }))

    it.effect("keeps the references that it sets for the fiber", () =>
      Effect.gen(function*() {
        const reference = FiberRef.unsafeMake("before")
        const before = yield* Effect.context<never>()
        const { client } = observing(FiberRef.set(reference, "set by the transport"))
        for (let n = 0; n < 2; n++) {
          yield* FiberRef.set(reference, "before")
          yield* ManualRedirect.make(client)(request)
          assert.strictEqual(yield* FiberRef.get(reference), "set by the transport")
          assert.strictEqual(yield* Effect.context<never>(), before)
        }
      }))

    it.effect("runs what follows an answer outside of any region that cannot be interrupted", () =>
      Effect.gen(function*() {
        const reached = yield* Deferred.make<void>()
        const handler = Effect.zipRight(Deferred.succeed(reached, undefined), Effect.never)
        const fiber = yield* Effect.fork(sendMatched(observing().client, () => handler))
        yield* Deferred.await(reached)
        assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(fiber)))
      }))

    it.effect("passes its success, failure and defect on", () =>
      Effect.gen(function*() {
        const outcome = (then: Effect.Effect<unknown, HttpClientError.HttpClientError>) =>
          Effect.exit(ManualRedirect.make(observing(then).client)(request))
        assert.isTrue(Exit.isSuccess(yield* outcome(Effect.void)))
        assert.strictEqual((yield* Effect.flip(yield* outcome(failing)))._tag, "RequestError")
        assert.deepStrictEqual(yield* outcome(Effect.die("canary-defect")), Exit.die("canary-defect"))
      }))

    it.effect("can be interrupted", () =>
      Effect.gen(function*() {
        const sent = yield* Deferred.make<void>()
        const { client } = observing(Effect.zipRight(Deferred.succeed(sent, void 0), Effect.never))
        const fiber = yield* Effect.fork(ManualRedirect.make(client)(request))
        yield* Deferred.await(sent)
        assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(fiber)))
      }))

    it.effect("can be interrupted just where its caller can, and so can what follows it", () =>
      Effect.gen(function*() {
        const isInterruptible = Effect.checkInterruptible(Effect.succeed)
        for (const [way, send] of Object.entries(ways)) {
          for (const then of [Effect.void, failing, Effect.die("canary-defect")]) {
            const seen: Array<boolean> = []
            const look = Effect.map(isInterruptible, (is) => {
              seen.push(is)
            })
            const sent = Effect.zipRight(Effect.exit(send(observing(Effect.zipRight(look, then)).client)), look)
            yield* sent
            yield* Effect.uninterruptible(sent)
            yield* Effect.uninterruptible(Effect.zipRight(Effect.interruptible(sent), look))
            assert.deepStrictEqual(seen, [true, true, false, false, true, true, false], way)
          }
        }
      }))

    it.effect("leaves its fiber as it was where what looks at the answer throws", () =>
      Effect.gen(function*() {
        const exit = yield* Effect.exit(sendMatched(observing().client, () => {
          throw new Error("canary")
        }))
        assert.isTrue(Exit.isFailure(exit))
        assert.isTrue(yield* Effect.checkInterruptible(Effect.succeed))
      }))

    it.effect("ends its fiber after an interruption, in whichever step that comes", () =>
      Effect.gen(function*() {
        const direct = HttpClient.makeWith<never, never, never, never>(
          Effect.map((request) => HttpClientResponse.fromWeb(request, new Response(""))),
          Effect.succeed
        )
        const left: Array<number> = []
        for (let step = 1; step < 30; step++) {
          let isInterrupted = false
          const next = Effect.sync(() => {
            if (isInterrupted) left.push(step)
          })
          const fiber = yield* sendMatched(direct, () => Effect.zipRight(next, Effect.never)).pipe(
            Effect.withScheduler(pausingAt(step)),
            Effect.fork
          )
          yield* Effect.yieldNow()
          isInterrupted = true
          fiber.unsafeInterruptAsFork(FiberId.none)
          assert.isTrue(Exit.isInterrupted(yield* Fiber.await(fiber)))
        }
        assert.deepStrictEqual(left, [])
      }))

    it.effect("sends nothing for a fiber that is interrupted already, and leaves it as it was", () =>
      Effect.gen(function*() {
        const { client, contexts } = observing()
        const after = yield* Deferred.make<boolean>()
        const sent = ManualRedirect.make(client)(request).pipe(
          Effect.interruptible,
          Effect.exit,
          Effect.zipRight(Effect.checkInterruptible((is) => Deferred.succeed(after, is)))
        )
        const ready = yield* Deferred.make<void>()
        const interrupted = Effect.exit(
          Effect.interruptible(Effect.zipRight(Deferred.succeed(ready, undefined), Effect.never))
        )
        const fiber = yield* Effect.fork(Effect.uninterruptible(Effect.zipRight(interrupted, sent)))
        yield* Deferred.await(ready)
        yield* Fiber.interrupt(fiber)
        assert.isFalse(yield* Deferred.await(after))
        assert.lengthOf(contexts, 0)
      }))
  })

  describe("a transport marked as not following redirects", () => {
    it.effect("gets the fiber's own context", () =>
      Effect.gen(function*() {
        const { client, contexts } = observing()
        yield* ManualRedirect.make(Transport.withoutRedirects(client))(request)
        yield* ManualRedirect.make(client)(request)
        assert.deepStrictEqual(inits(contexts), [undefined, undefined])
      }))

    it.effect("loses the mark when a combinator derives a client from it", () =>
      Effect.gen(function*() {
        const { client, contexts } = observing()
        const derived = HttpClient.mapRequest(Transport.withoutRedirects(client), (request) => request)
        yield* ManualRedirect.make(derived)(request)
        yield* ManualRedirect.make(HttpClient.filterStatusOk(client))(request)
        assert.deepStrictEqual(inits(contexts), Array(2).fill({ redirect: "manual" }))
      }))

    it.effect("hands the mark on only where that is asked for", () =>
      Effect.gen(function*() {
        const { client, contexts } = observing()
        const derive = (client: HttpClient.HttpClient) => HttpClient.mapRequest(client, (request) => request)
        yield* ManualRedirect.make(ManualRedirect.inheritMark(client, derive(client)))(request)
        Transport.withoutRedirects(client)
        yield* ManualRedirect.make(ManualRedirect.inheritMark(client, derive(client)))(request)
        assert.deepStrictEqual(inits(contexts), [{ redirect: "manual" }, undefined])
      }))
  })
})

describe("a request of a client over an unmarked transport", () => {
  const url = "https://api.example/v1/things"
  const requests = {
    GET: HttpClientRequest.get(url),
    "an upload": HttpClientRequest.bodyStream(HttpClientRequest.post(url), Stream.make(new Uint8Array(4)))
  }
  const limiters = { "without a limiter": undefined, "with a limiter": RateLimiter.make(RateLimitPolicy.default) }
  const isInterruptible = Effect.checkInterruptible(Effect.succeed)
  const basic = Authenticator.basic({ username: "operator", password: Redacted.make("canary-password") })

  for (const [name, request] of Object.entries(requests)) {
    for (const [way, limiter] of Object.entries(limiters)) {
      it.effect(`can be interrupted just where its caller can, however it ends: ${name} ${way}`, () =>
        Effect.gen(function*() {
          for (const status of [200, 307, 401, 500]) {
            const seen: Array<boolean> = []
            const look = Effect.map(isInterruptible, (is) => {
              seen.push(is)
            })
            const transport = HttpClient.makeWith<never, never, never, never>(
              Effect.flatMap((request) =>
                Effect.as(look, HttpClientResponse.fromWeb(request, new Response(null, { status })))
              ),
              Effect.succeed
            )
            const client = yield* AuthenticatedHttpClient.make(basic, {
              baseUrl: "https://api.example/v1",
              rateLimiter: limiter === undefined ? undefined : yield* limiter
            }).pipe(Effect.provideService(HttpClient.HttpClient, transport))
            const call = Effect.zipRight(Effect.onExit(Effect.exit(client.execute(request)), () => look), look)
            yield* call
            yield* Effect.uninterruptible(call)
            yield* Effect.uninterruptible(Effect.zipRight(Effect.interruptible(call), look))
            assert.deepStrictEqual(
              seen,
              [true, false, true, false, false, false, true, false, true, false],
              String(status)
            )
          }
        }))
    }
  }
})
