/** A fake server behind a client that notes what goes over the wire. */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as MutualTls from "@effect-auth/core/MutualTls"
import * as FakeMqweb from "@effect-auth/testing/FakeMqweb"
import type * as Headers from "@effect/platform/Headers"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { Ltpa } from "../src/MqCredential.ts"

export const baseUrl = "https://mq.example:9443/ibmmq/rest/v3"
export const csrf = "ibm-mq-rest-csrf-token"

export const credential = new Ltpa({
  username: "mqadmin",
  password: Redacted.make(FakeMqweb.canaries.password)
})
export const wrong = new Ltpa({ username: "mqadmin", password: Redacted.make("canary-password-wrong") })

export interface Call {
  /** Such as `POST /login 204`. */
  readonly told: string
  readonly headers: Headers.Headers
}

export type Needs = HttpClient.HttpClient | MutualTls.MutualTls

/** The layer of a mode over a fake server, and the calls it makes. */
export const wire = <A, E, R extends Needs>(mode: Layer.Layer<A, E, R>, server?: FakeMqweb.Options) => {
  const calls: Array<Call> = []
  const recording = Layer.effect(
    HttpClient.HttpClient,
    Effect.map(
      HttpClient.HttpClient,
      (client) =>
        HttpClient.transform(client, (effect, request) =>
          Effect.tap(effect, ({ status }) =>
            Effect.sync(() => {
              const told = `${request.method} ${new URL(request.url).pathname.replace("/ibmmq/rest/v3", "")} ${status}`
              calls.push({ told, headers: request.headers })
            })))
    )
  )
  const tls = Layer.succeed(MutualTls.MutualTls, { subject: Option.some("CN=mqadmin") })
  const transport = Layer.provideMerge(recording, FakeMqweb.layer({ proxyCookies: true, ...server }))
  return {
    calls,
    told: () => calls.map(({ told }) => told),
    layer: Layer.provideMerge(mode, Layer.merge(transport, tls))
  }
}

export const list = Effect.flatMap(AuthenticatedHttpClient.AuthenticatedHttpClient, (http) => http.get("/admin/qmgr"))
export const stats = Effect.flatMap(FakeMqweb.FakeMqweb, (server) => server.stats)
