/**
 * The program of Cloudflare Workers: layers within each request, as they have to be there; layers that requests share,
 * which is refused; and a Durable Object, where they may.
 */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as Credential from "@effect-auth/core/Credential"
import * as TokenStore from "@effect-auth/core/TokenStore"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import { attempt, client, get, portable, rateLimiter } from "./scenarios.mjs"

const run = (effect) => Effect.runPromise(effect.pipe(Effect.provide(FetchHttpClient.layer)))

/** Makes something once, for everyone who asks. */
const once = (make) => {
  const made = {}
  return (server) => made.promise ??= run(Scope.extend(make(server), Effect.runSync(Scope.make())))
}

const sharedSession = once((server) => client(server))

const sharedLimiter = once((server) =>
  Effect.flatMap(rateLimiter, (rateLimiter) =>
    AuthenticatedHttpClient.make(
      Authenticator.basic(Effect.runSync(Credential.basic({ username: "u", password: Redacted.make("canary") }))),
      { baseUrl: server.baseUrl, rateLimiter }
    ))
)

/** Tokens, and nothing that waits, are what the requests of a Worker can share by a variable. */
const store = Effect.runSync(TokenStore.makeMemory)

const call = async (http) => run(attempt(get(await http, "/a")))

class Http extends Context.Tag("Http")() {}

export class Session {
  #runtime

  async fetch(request) {
    const server = await request.json()
    this.#runtime ??= ManagedRuntime.make(
      Layer.scoped(Http, client(server)).pipe(Layer.provide(FetchHttpClient.layer))
    )
    return Response.json(await this.#runtime.runPromise(attempt(Effect.flatMap(Http, (http) => get(http, "/a")))))
  }
}

export default {
  async fetch(request, { SESSION }) {
    const { pathname, searchParams } = new URL(request.url)
    switch (pathname) {
      case "/scenario":
        return Response.json(
          await run(attempt(portable[searchParams.get("name")](searchParams.get("origin"))))
        )
      case "/stored": {
        const server = await request.json()
        return Response.json(
          await run(attempt(Effect.flatMap(client(server, { store }), (http) => get(http, "/a"))))
        )
      }
      case "/shared-session":
        return Response.json(await call(sharedSession(await request.json())))
      case "/shared-limiter":
        return Response.json(await call(sharedLimiter(await request.json())))
      case "/object":
        return SESSION.get(SESSION.idFromName("session")).fetch(request)
    }
    return new Response(null, { status: 404 })
  }
}
