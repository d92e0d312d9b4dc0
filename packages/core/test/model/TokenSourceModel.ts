/**
 * A model of token sources under random schedules: requests that arrive, are refused and interrupted; a server, its
 * network, an API and a store in every weather; another process and another account; clocks that step; Scopes that end.
 * {@link run} runs one schedule and returns the claims that do not hold, and the states it reached.
 */
import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Random from "effect/Random"
import * as Tracer from "effect/Tracer"
import type { Token } from "../../src/Token.ts"
import * as Claims from "./claims.ts"
import * as Process from "./process.ts"
import type { Action, Schedule } from "./schedule.ts"
import * as Server from "./server.ts"
import * as Store from "./store.ts"
import * as Watch from "./watch.ts"

export { schedules } from "./schedule.ts"

export interface Outcome {
  readonly untrue: ReadonlyArray<string>
  readonly states: ReadonlySet<string>
}

/** What has to hold whatever happens, for one schedule. */
export const run = ({ actions, world }: Schedule): Effect.Effect<Outcome> => {
  const clock = VirtualClock.make(Date.UTC(2026, 0, 1))
  const claims = Claims.make()
  const { claim, reached } = claims
  const wall = () => clock.unsafeCurrentTimeMillis()
  const running = () => Number(clock.unsafeCurrentTimeNanos() / 1_000_000n)

  return Effect.gen(function*() {
    let account = "alice"
    const store = yield* Store.make(claims)
    const processes: Array<Process.Process> = []
    const watches = new Map<string, Watch.Watch>()
    let initial: Token | undefined
    const server: Server.Server = Server.make({
      world,
      claims,
      running,
      // what was not stored, or gave way to another account's token, another process cannot know, and this one only until
      // it opens another account; and nobody stores that the token given at the start is spent
      mayDiffer: (process, { answered, family: { account }, number }) =>
        (initial !== undefined && number === server.numberOf(initial)) ||
        ((store.hasFailed() || store.hasLost(account)) &&
          (!answered.has(process) || watches.get(process)?.hasForgotten() === true)),
      onIssue: (value) => processes.forEach((process) => process.reissued(value))
    })
    if (world.initial && !world.accounts) initial = yield* server.issueExpired(account)
    for (let i = 0; i < world.processes; i++) {
      const watch = Watch.make({
        claims,
        process: `${i}`,
        server,
        world,
        firstAccount: account,
        isAlone: !world.store,
        stored: (account) => world.store && !store.hasFailed() ? store.peek(account) : undefined,
        generation: () => processes[i]?.generation() ?? 0,
        running,
        wall
      })
      watches.set(`${i}`, watch)
      processes.push(
        yield* Process.make({ claims, world, server, store, watch, initial, accountNow: () => account, running, wall })
      )
    }
    const waiting: Array<Fiber.RuntimeFiber<unknown>> = []
    const closing = new Set<number>()
    const fork = (effect: Effect.Effect<unknown>) =>
      Effect.map(Effect.forkDaemon(effect), (fiber) => void waiting.push(fiber))

    const act = (action: Action): Effect.Effect<void> => {
      const process = processes[("process" in action ? action.process : 0) % processes.length]!
      switch (action._tag) {
        case "Request":
          return Effect.repeatN(fork(process.request(action.latency)), action.callers - 1)
        case "Crowd":
          return Effect.repeatN(
            Effect.suspend(() =>
              fork(process.request(0, Tracer.externalSpan({ spanId: `${waiting.length}`, traceId: "crowd" })))
            ),
            action.callers - 1
          )
        case "Storm":
          return fork(Effect.repeatN(process.request(0), action.requests - 1))
        case "Interrupt": {
          const fiber = waiting[action.caller]
          if (fiber === undefined) return Effect.void
          // the end of a Scope may take as long as the policy allows
          return Effect.asVoid(closing.has(action.caller) ? Fiber.interruptFork(fiber) : Fiber.interrupt(fiber))
        }
        case "Advance":
          return clock.advance(action.millis)
        case "Jump":
          for (const process of processes) process.jumped(action.millis)
          return action.millis < 0 ? clock.jumpBack(-action.millis) : clock.jump(action.millis)
        case "LateRefusal":
          return process.refuse(action.age, action.accepted)
        case "Serve":
          return Effect.sync(() => server.setWeather(action))
        case "Api":
          return Effect.sync(() => server.setApi(action.weather))
        case "Store":
          return Effect.sync(() => store.setWeather(action.operation, action.weather))
        case "Forget":
          return store.forget
        case "StoreOther":
          return Effect.flatMap(server.issueExpired("mallory"), store.storeOther)
        case "SwitchAccount":
          return Effect.sync(() => {
            account = account === "alice" ? "bob" : "alice"
          })
        case "RevokeAccess":
          return Effect.sync(server.revokeAccess)
        case "RevokeFamily":
          return Effect.sync(server.revokeFamilies)
        case "Close":
          closing.add(waiting.length)
          return fork(process.close)
      }
    }

    const minutes = (count: number) => Effect.repeatN(clock.advance(61_000), count - 1)

    for (const action of actions) {
      yield* act(action)
      yield* VirtualClock.settled
    }

    // the sky clears
    server.setWeather(Server.calm)
    server.setApi("fine")
    for (const operation of ["read", "write", "lock"] as const) store.setWeather(operation, "fine")
    yield* minutes(4)
    for (const fiber of waiting) claim("no caller hangs", (yield* Fiber.poll(fiber))._tag === "Some")
    for (const process of processes) {
      if (process.isClosed()) continue
      // a token of another process, as old as the refused one, uses up the only step where nothing can be refreshed
      const request = process.request(0)
      const last = yield* Effect.forkDaemon(
        Effect.flatMap(request, (isAccepted) => isAccepted ? Effect.succeed(true) : request)
      )
      yield* minutes(1)
      const exit = yield* Fiber.poll(last)
      claim(
        "in fine weather the API accepts a request, or the one after it",
        exit._tag === "Some" && exit.value._tag === "Success" && exit.value.value
      )
    }
    const ending = yield* Effect.forkDaemon(Effect.forEach(processes, (process) => process.close))
    yield* minutes(1)
    claim("the Scope ends", (yield* Fiber.poll(ending))._tag === "Some")
    return { untrue: [...claims.untrue], states: claims.states }
  }).pipe(
    Effect.withTracer(counting((links) => {
      claim("an exchange links to 128 requests at most", links <= 128)
      if (links > 100) reached("an exchange links to more than a hundred requests")
    })),
    Effect.withClock(clock),
    Effect.withRandom(Random.make("token source")),
    Logger.withMinimumLogLevel(LogLevel.None)
  )
}

/** Counts the links of each span as they are added. */
const counting = (onLinks: (count: number) => void): Tracer.Tracer =>
  Tracer.make({
    context: (f) => f(),
    span: (name, parent, context, links, startTime, kind) => {
      const linked = [...links]
      return {
        _tag: "Span",
        name,
        spanId: name,
        traceId: "model",
        sampled: true,
        parent,
        context,
        links: linked,
        kind,
        status: { _tag: "Started", startTime },
        attributes: new Map(),
        attribute: () => {},
        event: () => {},
        addLinks: (links) => {
          for (const link of links) linked.push(link)
          onLinks(linked.length)
        },
        end: () => {}
      }
    }
  })
