/** What can be seen of authentication: events, metrics, spans. */
import * as AuthEvent from "@effect-auth/core/AuthEvent"
import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
import * as Yamcs from "@effect-auth/yamcs/Yamcs"
import { Effect, Metric, MetricState, Redacted, Stream } from "effect"
import { deepStrictEqual, match } from "node:assert"

// #region events
const reporting = Effect.gen(function*() {
  const events = yield* AuthEvent.subscribe // none from here on is missed
  yield* Effect.forkScoped(
    Stream.runForEach(Stream.fromQueue(events), (event) =>
      event._tag === "ExchangeFailed"
        ? alert(`${event.mode}: ${event.error.message}`)
        : Effect.logInfo(AuthEvent.format(event)))
  )
})

const alert = (text: string) => Effect.logFatal(text) // your pager
// #endregion

// #region prometheus
const prometheus = Effect.map(
  Metric.snapshot,
  (pairs) =>
    pairs.flatMap(({ metricKey: { name, tags }, metricState }) => {
      const labels = tags.map(({ key, value }) => `${key}=${JSON.stringify(value)}`).join(",")
      return MetricState.isCounterState(metricState) ?
        [`${name}_total{${labels}} ${metricState.count}`]
        : MetricState.isGaugeState(metricState) ?
        [`${name}{${labels}} ${metricState.value}`]
        : []
    }).join("\n")
)
// #endregion

const Ops = Yamcs.layerPassword({
  baseUrl: "https://yamcs.example",
  credential: { username: "operator", password: Redacted.make("canary-password-yamcs") }
})

export const test = Effect.gen(function*() {
  yield* reporting
  const events = yield* AuthEvent.subscribe
  yield* Effect.provide(Yamcs.user, Ops)
  const tags = Array.from(yield* Stream.runCollect(Stream.take(Stream.fromQueue(events), 1))).map(({ _tag }) => _tag)
  deepStrictEqual(tags, ["TokenObtained"])
  match(yield* prometheus, /effect_auth_exchanges_total\{.*mode="Yamcs\/Password".*\} \d+/)
}).pipe(Effect.scoped, Effect.provide(AuthEvent.layer), Effect.provide(FakeYamcs.layer()))
