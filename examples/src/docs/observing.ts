/** What can be seen of authentication: events, metrics, spans. */
import * as AuthEvent from "@effect-auth/core/AuthEvent"
import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as Yamcs from "@effect-auth/yamcs/Yamcs"
import * as Otlp from "@effect/opentelemetry/Otlp"
import { HttpClient } from "@effect/platform"
import { Effect, Metric, MetricState, Redacted, Stream } from "effect"
import { deepStrictEqual, match } from "node:assert"

// #region events
const paging = Effect.gen(function*() {
  const events = yield* AuthEvent.subscribe // none from here on is missed
  yield* Effect.forkScoped(
    Stream.fromQueue(events).pipe(
      Stream.filter((event) => event._tag === "ExchangeFailed" && event.error._tag === "CredentialsRejected"),
      Stream.runForEach((event) => page(AuthEvent.format(event)))
    )
  )
})

const page = (text: string) => Effect.logFatal(text) // your pager
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

// #region otel
const Ops = Yamcs.layerPassword({
  baseUrl: "https://yamcs.example",
  credential: { username: "operator", password: Redacted.make("canary-password-yamcs") }
})

const Telemetry = Otlp.layerJson({
  baseUrl: "http://localhost:4318", // a collector, to which traces, metrics and logs go by the program's transport
  resource: { serviceName: "importer" }
})

const observed = Yamcs.user.pipe(
  Effect.provide(Ops),
  Effect.provide(Telemetry) // around the layers of modes, so that their logins are seen
)
// #endregion

export const test = Effect.gen(function*() {
  yield* paging
  const events = yield* AuthEvent.subscribe
  yield* Effect.provide(Yamcs.user, Ops)
  const tags = Array.from(yield* Stream.runCollect(Stream.take(Stream.fromQueue(events), 1))).map(({ _tag }) => _tag)
  deepStrictEqual(tags, ["TokenObtained"])
  match(yield* prometheus, /effect_auth_exchanges_total\{.*mode="Yamcs\/Password".*\} \d+/)

  const yamcs = yield* HttpClient.HttpClient
  const collector = ScriptedHttpClient.make(ScriptedHttpClient.repeatLast({ status: 200 }))
  const transport = HttpClient.make((request) =>
    (request.url.startsWith("http://localhost:4318/") ? collector : yamcs).execute(request)
  )
  yield* Effect.provideService(observed, HttpClient.HttpClient, transport)
  const traces = (yield* collector.requests).filter(({ line }) => line === "POST /v1/traces")
  match(traces.map(({ body }) => body).join(), /"auth.login"/)
}).pipe(Effect.scoped, Effect.provide(AuthEvent.layer), Effect.provide(FakeYamcs.layer()))
