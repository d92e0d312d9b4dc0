import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as RequestContext from "../../src/internal/requestContext.ts"

/** What a Worker has of sockets: one belongs to the request that made it, and none can be made outside of requests. */
const worker = () => {
  const runtime: { request: number | undefined } = { request: undefined }
  class Socket {
    readonly #request: number | undefined = runtime.request
    get readyState() {
      if (this.#request !== runtime.request) throw new Error("Cannot perform I/O on behalf of a different request.")
      return 1
    }
  }
  class WebSocketPair {
    readonly 0: Socket
    constructor() {
      if (runtime.request === undefined) throw new Error("Disallowed operation called within global scope.")
      this[0] = new Socket()
    }
  }
  return { globals: { WebSocketPair }, enter: (request: number | undefined) => runtime.request = request }
}

describe("requestContext", () => {
  it("is foreign to every other request of a Worker", () => {
    const { enter, globals } = worker()
    enter(1)
    const owner = RequestContext.current(globals)
    assert.isFalse(RequestContext.isForeign(owner))
    enter(2)
    assert.isTrue(RequestContext.isForeign(owner))
    enter(1)
    assert.isFalse(RequestContext.isForeign(owner))
  })

  it("belongs to the first request that uses it, when it was made while the module was loaded", () => {
    const { enter, globals } = worker()
    const owner = RequestContext.current(globals)
    assert.isFalse(RequestContext.isForeign(owner))
    enter(1)
    assert.isFalse(RequestContext.isForeign(owner))
    enter(2)
    assert.isTrue(RequestContext.isForeign(owner))
  })

  it("is foreign to nobody where requests have no contexts", () => {
    for (const globals of [{}, { WebSocketPair: "not a class" }, globalThis]) {
      const owner = RequestContext.current(globals)
      assert.isUndefined(owner)
      assert.isFalse(RequestContext.isForeign(owner))
    }
  })

  const held = (lock: ReturnType<typeof RequestContext.makeLock>, later: Effect.Effect<void>) =>
    Effect.gen(function*() {
      const release = yield* Deferred.make<void>()
      const holder = yield* Effect.fork(lock(Deferred.await(release)))
      yield* Effect.yieldNow()
      yield* later
      const other = yield* Effect.fork(lock(Effect.void))
      yield* Effect.yieldNow()
      yield* Effect.yieldNow()
      const isIn = other.unsafePoll() !== null
      yield* Deferred.succeed(release, undefined)
      yield* Fiber.joinAll([holder, other])
      return isIn
    })

  it.effect("a lock is waited for in the same request, and where requests have no contexts", () =>
    Effect.gen(function*() {
      const { enter, globals } = worker()
      enter(1)
      assert.isFalse(yield* held(RequestContext.makeLock(globals), Effect.void))
      assert.isFalse(yield* held(RequestContext.makeLock({}), Effect.void))
    }))

  it.effect("a lock is not waited for in another request, which might not give it back", () =>
    Effect.gen(function*() {
      const { enter, globals } = worker()
      enter(1)
      assert.isTrue(yield* held(RequestContext.makeLock(globals), Effect.sync(() => enter(2))))
    }))
})
