/**
 * The program of browsers: what is tried everywhere, a session that outlives the page, and what a browser keeps from
 * programs. It reports to the server that the page came from; those of the scenarios are of another origin.
 */
import * as TokenStore from "@effect-auth/core/TokenStore"
import * as TokenStores from "@effect-auth/core/TokenStores"
import * as IbmMq from "@effect-auth/ibm-mq/IbmMq"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { client, expect, expectStats, get, makeServer, portable, runAll } from "./scenarios.mjs"

const { localStorage } = globalThis
const origin = new URLSearchParams(globalThis.location.search).get("servers")

/** Two visits of a page: the second has the session of the first. */
const visits = (store) =>
  Effect.gen(function*() {
    const server = yield* makeServer(origin)
    const visit = Effect.scoped(Effect.flatMap(
      Effect.flatMap(store, (store) => client(server, { store })),
      (http) => get(http, "/a")
    ))
    yield* visit
    yield* visit
    yield* expectStats(server, { logins: 1, requests: 2 })
  })

const mqweb = (server, layer) =>
  Effect.flip(Effect.flatMap(IbmMq.Client, (http) => http.get("/admin/installation"))).pipe(
    Effect.provide(layer({
      baseUrl: `${server.baseUrl}/ibmmq/rest/v3`,
      credential: { username: server.mqweb.username, password: Redacted.make(server.mqweb.password) }
    }))
  )

const scenarios = {
  ...portable,

  "token store in localStorage": () =>
    visits(Effect.succeed(TokenStore.make({
      place: "localStorage",
      read: Effect.sync(() => Option.fromNullable(localStorage.getItem("session"))),
      write: (text) => Effect.as(Effect.sync(() => localStorage.setItem("session", text)), true),
      remove: Effect.sync(() => localStorage.removeItem("session"))
    }))),

  "token store over KeyValueStore": () =>
    visits(Effect.map(TokenStores.TokenStores, ({ forAudience }) => forAudience("a"))).pipe(
      Effect.provide(TokenStores.layerKeyValueStore()),
      Effect.provide(KeyValueStore.layerStorage(() => localStorage))
    ),

  "redirects say why not": () =>
    Effect.gen(function*() {
      const server = yield* makeServer(origin)
      const http = yield* client(server, { redirects: 5 })
      const { message } = yield* Effect.flip(http.get("/moved"))
      if (!message.includes("a browser hides where it leads")) yield* expect("the error", message, "says why")
    }),

  "LTPA says why not": () =>
    Effect.gen(function*() {
      const server = yield* makeServer(origin)
      const { message } = yield* mqweb(server, IbmMq.layerLtpa)
      if (!message.includes("a browser hides Set-Cookie")) yield* expect("the error", message, "says why")
    })
}

await globalThis.fetch("/report", {
  method: "POST",
  body: JSON.stringify({
    version: globalThis.navigator.userAgent,
    results: await Effect.runPromise(runAll(scenarios, origin))
  })
})
