/**
 * The fake servers that the programs talk to: one process for all runtimes, an authorization server with its API for each
 * scenario. Any page may call them (CORS), and read the headers of quotas.
 */
import * as FakeMqweb from "@effect-auth/testing/FakeMqweb"
import * as FakeOAuth from "@effect-auth/testing/FakeOAuth"
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import { createServer } from "node:http"
import { createServer as createTlsServer } from "node:https"

/**
 * Serves on loopback, by http and, with key and certificate, by https. `pages` are files for browsers, by their path;
 * `/peer` names the subject of the client's certificate; `onReport` gets what is posted to `/report`.
 *
 * @returns {Promise<{ origin: string, tlsOrigin: string | undefined, close: () => void }>}
 */
export const serve = async ({ onReport, pages = {}, tls } = {}) => {
  const servers = new Map()
  const answer = async (request, origin, peer) => {
    const { pathname, searchParams } = new URL(request.url)
    if (request.method === "OPTIONS") return new Response(null, { status: 204 })
    if (pathname === "/report") {
      onReport?.(await request.json())
      return new Response(null, { status: 204 })
    }
    if (pages[pathname] !== undefined) {
      const type = pathname.endsWith(".js") ? "text/javascript" : "text/html"
      return new Response(pages[pathname], { headers: { "content-type": `${type}; charset=utf-8` } })
    }
    if (pathname === "/new") {
      const id = String(servers.size + 1)
      const baseUrl = `${origin}/s/${id}`
      servers.set(id, await makeServer(`/s/${id}`, searchParams))
      const { clientId, clientSecret, password, username } = FakeOAuth.canaries
      return Response.json({
        baseUrl,
        form: { client: { client_id: clientId, client_secret: clientSecret }, user: { username, password } },
        mqweb: FakeMqweb.canaries.reader
      })
    }
    if (pathname === "/peer") return Response.json({ name: peer?.subject?.CN ?? null })
    const [, id, path] = /^\/s\/(\d+)(\/.*)$/.exec(pathname) ?? []
    return servers.get(id)?.(request, path) ?? new Response(null, { status: 404 })
  }
  const listener = (scheme) => (request, response) => {
    const parts = []
    request.on("data", (part) => parts.push(part)).on("end", async () => {
      const { host, origin = "*" } = request.headers
      const headers = new Headers(Object.entries(request.headers).filter(([name]) => name !== "transfer-encoding"))
      const answered = await answer(
        new Request(`${scheme}://${host}${request.url}`, {
          method: request.method,
          headers,
          ...(parts.length === 0 ? {} : { body: Buffer.concat(parts) })
        }),
        `${scheme}://${host}`,
        request.socket.getPeerCertificate?.()
      ).catch((error) => new Response(String(error.stack), { status: 500 }))
      for (const [name, value] of answered.headers) {
        if (name !== "set-cookie") response.setHeader(name, value)
      }
      const cookies = answered.headers.getSetCookie()
      if (cookies.length > 0) response.setHeader("set-cookie", cookies)
      response.setHeader("access-control-allow-origin", origin)
      response.setHeader("access-control-allow-credentials", "true")
      response.setHeader("access-control-allow-methods", "GET, POST, PUT, DELETE")
      response.setHeader("access-control-allow-headers", request.headers["access-control-request-headers"] ?? "")
      response.setHeader("access-control-expose-headers", exposed)
      response.writeHead(answered.status).end(Buffer.from(await answered.arrayBuffer()))
    })
  }
  const plain = createServer(listener("http"))
  const secure = tls === undefined ? undefined : createTlsServer(tls, listener("https"))
  const started = [plain, secure].filter((server) => server !== undefined)
  await Promise.all(started.map((server) => new Promise((resolve) => server.listen(0, "127.0.0.1", resolve))))
  return {
    origin: `http://127.0.0.1:${plain.address().port}`,
    tlsOrigin: secure === undefined ? undefined : `https://127.0.0.1:${secure.address().port}`,
    close: () => {
      for (const server of started) {
        server.closeAllConnections()
        server.close()
      }
    }
  }
}

/** What a page may read besides the body: without these it cannot keep within a quota. */
const exposed = "retry-after, ratelimit-limit, ratelimit-remaining, ratelimit-reset"

/** Answers requests below a path. `lifetime` of access tokens and `delay` of the token endpoint in seconds. */
const makeServer = async (base, settings) => {
  const overruns = { count: 0 }
  const fake = await Effect.runPromise(FakeOAuth.make({
    tokenLifetime: `${Number(settings.get("lifetime") ?? 3600)} seconds`,
    tokenPath: `${base}/token`,
    api: api(base, overruns)
  }))
  const mqweb = await Effect.runPromise(FakeMqweb.make())
  const handle = HttpApp.toWebHandler(fake.app)
  const handleMqweb = HttpApp.toWebHandler(mqweb.app)
  const delay = Number(settings.get("delay") ?? 0) * 1000
  return async (request, path) => {
    switch (path) {
      case "/-/stats":
        return Response.json({ ...await Effect.runPromise(fake.stats), overruns: overruns.count })
      case "/-/refuse-access-tokens":
        await Effect.runPromise(fake.revokeAll)
        return Response.json({})
      case "/moved":
        return new Response(null, { status: 302, headers: { location: "/elsewhere" } })
      case "/token":
        await new Promise((resolve) => setTimeout(resolve, delay))
    }
    if (!path.startsWith("/ibmmq/")) return handle(request)
    const url = new URL(request.url)
    url.pathname = path
    return handleMqweb(new Request(url, request))
  }
}

/** `/quota` admits one call a second and says so; `/busy` is busy for the first call. */
const api = (base, overruns) => {
  const state = { opensAt: 0, wasBusy: false }
  const tooMany = () => {
    overruns.count++
    return HttpServerResponse.empty({ status: 429, headers: { "retry-after": "1" } })
  }
  return ({ user }) =>
    Effect.map(HttpServerRequest.HttpServerRequest, ({ url }) => {
      const path = new URL(url, "http://fake.example").pathname.slice(base.length)
      const now = Date.now()
      if (path === "/quota") {
        if (now < state.opensAt) return tooMany()
        state.opensAt = now + 1000
        return HttpServerResponse.unsafeJson({ user }, {
          headers: { "ratelimit-limit": "1", "ratelimit-remaining": "0", "ratelimit-reset": "1" }
        })
      }
      if (path === "/busy" && !state.wasBusy) {
        state.wasBusy = true
        return tooMany()
      }
      return HttpServerResponse.unsafeJson({ user: user ?? null })
    })
}
