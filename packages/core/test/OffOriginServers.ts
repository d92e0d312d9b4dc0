/** The cases of {@link Model} on real sockets: three servers, of which one is foreign. */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Loopback from "./Loopback.ts"
import * as Model from "./OffOriginModel.ts"

interface State {
  sent: Array<Model.Sent>
  answer: (sent: Model.Sent, n: number) => Model.Redirection | undefined
}

/** Keeps what it received, together with the others, and answers as the case at hand wants it. */
const server = (name: string, state: State) =>
  Effect.gen(function*() {
    const { port } = yield* Loopback.serve(({ body, headers, url }, response) => {
      // whatever the server was called, it is the one of this port
      const host = headers.host?.endsWith(`:${port}`) === true ? headers.host : `${name}:${port}`
      const received = { url: `http://${host}${url}`, headers, body }
      const redirection = state.answer(received, state.sent.push(received) - 1)
      if (redirection === undefined) return response.end("ok")
      response.writeHead(redirection.status, { location: redirection.location }).end("moved")
    })
    return `${name}:${port}`
  })

/** What is wrong with so many redirects and so many URLs, chosen by the seed. */
export const problems = (
  size: { readonly redirects: number; readonly urls: number },
  seed: number
): Effect.Effect<ReadonlyArray<string>, unknown, HttpClient.HttpClient | Scope.Scope> =>
  Effect.gen(function*() {
    const state: State = { sent: [], answer: () => undefined }
    const world: Model.World = {
      scheme: "http",
      own: yield* server("127.0.0.1", state),
      allied: yield* server("127.0.0.1", state),
      foreign: yield* server("localhost", state)
    }
    const sentBy = <E, R>(run: Effect.Effect<void, E, R>, answer: State["answer"]) =>
      Effect.suspend(() => {
        Object.assign(state, { sent: [], answer })
        return Effect.map(run, () => state.sent)
      })
    const redirects = yield* Model.problems(
      Model.sample(Model.redirectCases.filter(Model.staysLocal(world)), size.redirects, seed),
      (redirect) =>
        Effect.map(
          sentBy(Model.follow(world, redirect), ({ url }, n) => Model.redirection(world, redirect, n, url)),
          (sent) => Model.judgeRedirect(world, sent)
        ),
      Model.showRedirect
    )
    const urls = yield* Model.problems(
      Model.sample(Model.urlCases, size.urls, seed),
      (url) => Effect.map(sentBy(Model.ask(world, url), () => undefined), (sent) => Model.judgeUrl(world, url, sent)),
      Model.showUrl
    )
    return [...redirects, ...urls]
  })
