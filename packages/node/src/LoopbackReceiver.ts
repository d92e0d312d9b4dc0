/**
 * Receives what a browser brings back from a login, on loopback (RFC 8252 section 7.3): a server that listens for the time
 * of one login, on a port that is free.
 *
 * Every page and program on the machine can send it requests. The answer is a GET of the exact path at the exact host that
 * the flow recognises by its state; anything else is refused, and the wait goes on. No answer of it repeats a parameter,
 * redirects, or stays in a cache, and its page takes the code out of the address bar.
 *
 * @since 0.1.0
 */
import * as RedirectReceiver from "@effect-auth/core/RedirectReceiver"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as MutableRef from "effect/MutableRef"
import * as Predicate from "effect/Predicate"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Crypto from "node:crypto"
import * as Http from "node:http"
import * as LoopbackAddress from "./internal/loopbackAddress.ts"

/**
 * A receiver that listens on 127.0.0.1, on `[::1]` where that is not there, or on both for the host `localhost`.
 *
 * @example
 * ```ts
 * import * as LoopbackReceiver from "@effect-auth/node/LoopbackReceiver"
 * import * as Effect from "effect/Effect"
 *
 * const code = (state: string) =>
 *   Effect.scoped(Effect.gen(function*() {
 *     const { receive, redirectUri } = yield* LoopbackReceiver.make().listen({ path: "/acme" })
 *     yield* Effect.log(`waiting at ${redirectUri}`)
 *     const answer = yield* receive((parameters) => parameters.get("state") === state)
 *     return answer.get("code")
 *   }))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (): RedirectReceiver.Service => ({
  listen: (options = {}) => listen(options)
})

/**
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<RedirectReceiver.RedirectReceiver> = Layer.sync(
  RedirectReceiver.RedirectReceiver,
  make
)

const listen = (
  { host, path = "/callback", port = 0 }: RedirectReceiver.Options
): Effect.Effect<RedirectReceiver.Receiver, RedirectReceiver.RedirectReceiverError, Scope.Scope> =>
  Effect.gen(function*() {
    const address = `${host ?? "127.0.0.1"}:${port}`
    if (!Number.isInteger(port) || port < 0 || port > 65_535) {
      return yield* new RedirectReceiver.RedirectReceiverError({
        reason: "Unavailable",
        address,
        problem: "a port is a number from 0 to 65535"
      })
    }
    const arrivals = yield* Queue.unbounded<Arrival>()
    const answered = MutableRef.make(false)
    const bound = yield* Effect.acquireRelease(
      LoopbackAddress.bind(
        serve(path, (arrival) => {
          if (MutableRef.get(answered)) send(arrival.response, refused)
          else Queue.unsafeOffer(arrivals, arrival)
        }),
        host,
        port
      ),
      ({ close }) => close
    ).pipe(
      Effect.mapError((error) =>
        new RedirectReceiver.RedirectReceiverError({ address, ...LoopbackAddress.explain(error) })
      )
    )
    const { origin } = originOf(bound.host, bound.port)
    const refuseOthers = Effect.suspend(() => {
      MutableRef.set(answered, true)
      return Effect.map(Queue.takeAll(arrivals), (others) => {
        for (const { response } of others) send(response, refused)
      })
    })
    return {
      redirectUri: path === "" ? origin : `${origin}${normalPath(path)}`,
      receive: (isAnswer) => {
        const next: Effect.Effect<URLSearchParams> = Effect.flatMap(
          Queue.take(arrivals),
          ({ parameters, response }) =>
            isAnswer(parameters)
              ? Effect.as(delivered(response, accepted), parameters)
              : Effect.zipRight(Effect.sync(() => send(response, refused)), next)
        )
        return Effect.zipLeft(next, refuseOthers)
      }
    }
  })

/** A GET of the redirect URI, whose answer waits until the flow has looked at its parameters. */
interface Arrival {
  readonly parameters: URLSearchParams
  readonly response: Http.ServerResponse
}

const serve = (path: string, onArrival: (arrival: Arrival) => void): LoopbackAddress.Listen => (address, port, host) =>
  Effect.async((resume) => {
    const server = Http.createServer(limits)
    server.timeout = longestSilence
    server.maxConnections = mostConnections
    server.maxRequestsPerSocket = 1
    const onRequest = (request: Http.IncomingMessage, response: Http.ServerResponse) => {
      const { localPort = 0 } = request.socket
      const verdict = judge(request, { authority: originOf(host, localPort).host, path: normalPath(path) })
      if (verdict._tag === "Refused") send(response, verdict)
      else onArrival({ parameters: verdict.parameters, response })
    }
    server.on("request", onRequest)
    // node asks the client for the rest of its request without these
    server.on("checkContinue", onRequest)
    server.on("checkExpectation", onRequest)
    // also of a later connection that the system cannot accept, which must not end the process
    server.on("error", (error) => {
      resume(new LoopbackAddress.ListenFailed({ code: codeOf(error) }))
    })
    // exclusive: the workers of a cluster would share the port, and get each other's answers
    server.listen({ host: address, port, exclusive: true }, () => {
      const bound = server.address()
      resume(Effect.succeed({
        port: bound !== null && typeof bound === "object" ? bound.port : port,
        close: Effect.async((resume) => {
          server.close(() => resume(Effect.void)).closeAllConnections()
        })
      }))
    })
  })

const codeOf = (error: unknown): string =>
  Predicate.hasProperty(error, "code") && typeof error.code === "string" ? error.code : "it cannot be listened on"

/** In milliseconds and bytes. Browsers send the cookies of every other server on the same host: header fields may be long. */
const limits: Http.ServerOptions = {
  connectionsCheckingInterval: 1000,
  headersTimeout: 5000,
  maxHeaderSize: 65_536,
  requestTimeout: 5000
}

const mostConnections = 64

/** In milliseconds. */
const longestSilence = 30_000

type Verdict = { readonly _tag: "Arrived"; readonly parameters: URLSearchParams } | Refusal

interface Refusal extends Page {
  readonly _tag: "Refused"
}

/**
 * Whether a request is a redirect to this receiver. The host is compared because a page of any site can send requests to
 * loopback under a name of its own, and read what comes back (DNS rebinding).
 */
const judge = (
  { headers, method, url = "" }: Http.IncomingMessage,
  expected: { readonly authority: string; readonly path: string }
): Verdict => {
  const query = url.indexOf("?")
  const path = query === -1 ? url : url.slice(0, query)
  return headers.host?.toLowerCase() !== expected.authority
    ? refusal(421)
    : path !== expected.path
    ? refusal(404)
    : method !== "GET"
    ? refusal(405, { allow: "GET" })
    : headers.expect !== undefined
    ? refusal(417)
    : { _tag: "Arrived", parameters: new URLSearchParams(query === -1 ? "" : url.slice(query + 1)) }
}

const originOf = (host: LoopbackAddress.Host, port: number): URL => new URL(`http://${host}:${port}`)

/** As a browser sends it. */
const normalPath = (path: string): string => {
  const url = new URL("http://127.0.0.1")
  url.pathname = path
  return url.pathname
}

interface Page {
  readonly status: number
  readonly title: string
  readonly text: string
  readonly headers?: Http.OutgoingHttpHeaders
}

/** Says nothing about how the login ended: nobody knows that before the code is redeemed. */
const accepted: Page = {
  status: 200,
  title: "Back to the application",
  text: "The application goes on from here. You can close this page."
}

const refused: Page = {
  status: 400,
  title: "Not the answer to this login",
  text: "The application still waits for the answer. Log in on the page that it has opened, or start again."
}

const refusal = (status: number, headers: Http.OutgoingHttpHeaders = {}): Refusal => ({
  _tag: "Refused",
  status,
  title: Http.STATUS_CODES[status] ?? "Refused",
  text: "This address is for the end of a login only.",
  headers
})

/** Returns once the system has the page, because the end of the Scope destroys the connection, or the browser is gone. */
const delivered = (response: Http.ServerResponse, page: Page): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (response.destroyed) return resume(Effect.void)
    response.once("close", () => resume(Effect.void))
    send(response, page)
  })

const send = (response: Http.ServerResponse, { headers, status, text, title }: Page): void => {
  const html = document(title, text)
  response.writeHead(status, {
    ...headers,
    "cache-control": "no-store",
    connection: "close",
    "content-length": Buffer.byteLength(html),
    "content-security-policy": policy,
    "content-type": "text/html; charset=utf-8",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff"
  })
  response.end(html)
}

const document = (title: string, text: string): string =>
  `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<script>${script}</script>
</head>
<body>
<h1>${title}</h1>
<p>${text}</p>
</body>
</html>
`

/** Takes the code out of the address bar and the history. */
const script = "history.replaceState(null, \"\", location.origin + location.pathname)"

const policy = [
  "default-src 'none'",
  `script-src 'sha256-${Crypto.createHash("sha256").update(script).digest("base64")}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'"
].join("; ")
