/**
 * Contestants without Effect for the overhead of authentication. Each is used as its own documentation says, over its
 * own way of replacing the transport.
 */
import type { HttpClient as AzureHttpClient, PipelinePolicy } from "@azure/core-rest-pipeline"
import {
  bearerTokenAuthenticationPolicy,
  createEmptyPipeline,
  createHttpHeaders,
  createPipelineRequest
} from "@azure/core-rest-pipeline"
import { OAuth2Client as BadgatewayClient, OAuth2Fetch } from "@badgateway/oauth2-client"
import { Octokit } from "@octokit/core"
import type { AxiosInstance } from "axios"
import axios from "axios"
import { createAuthRefresh } from "axios-auth-refresh"
import { gaxios, OAuth2Client as GoogleClient } from "google-auth-library"
import type { Options as GotOptions } from "got"
import { got } from "got"
import ky from "ky"
import { IncomingMessage } from "node:http"
import * as oauth from "oauth4webapi"
import { createFetch } from "ofetch"
import type { Run } from "./Measure.ts"
import type { Family } from "./OverheadFamily.ts"
import { answer, origin, secret, stubFetch, url } from "./stub.ts"

const authorization = `Bearer ${secret}`

const token = { value: secret, expiresAt: Date.now() + 3_600_000 }

/** The check that a token is still good, for libraries that leave it to their user. */
const currentAuthorization = (): string => {
  if (Date.now() >= token.expiresAt) throw new Error("expired")
  return `Bearer ${token.value}`
}

export const azure = (): Family => {
  const transport: AzureHttpClient = {
    sendRequest: (request) => Promise.resolve({ request, status: 200, headers: createHttpHeaders() })
  }
  const client = (...policies: ReadonlyArray<PipelinePolicy>): Run => {
    const pipeline = createEmptyPipeline()
    for (const policy of policies) pipeline.addPolicy(policy)
    return loop(() => pipeline.sendRequest(transport, createPipelineRequest({ url })))
  }
  const setHeader: PipelinePolicy = {
    name: "setHeader",
    sendRequest: (request, next) => {
      request.headers.set("authorization", authorization)
      return next(request)
    }
  }
  const credential = { getToken: () => Promise.resolve({ token: secret, expiresOnTimestamp: token.expiresAt }) }
  return {
    name: "@azure/core-rest-pipeline",
    bare: client(),
    variants: [
      { name: "own policy that sets a header", kind: "static", run: client(setHeader) },
      { name: azurePolicy, kind: "token", run: client(bearerTokenAuthenticationPolicy({ credential, scopes: "all" })) }
    ]
  }
}

/** The peer that the goals are measured against. */
export const azurePolicy = "bearerTokenAuthenticationPolicy"

const axiosFamily = (): Family => {
  const adapter: AxiosInstance["defaults"]["adapter"] = (config) =>
    Promise.resolve({ data: null, status: 200, statusText: "OK", headers: {}, config })
  const requests = (client: AxiosInstance) => loop(() => client.get(url))
  const intercepted = axios.create({ adapter })
  intercepted.interceptors.request.use((config) => {
    config.headers.set("Authorization", currentAuthorization())
    return config
  })
  const refreshing = axios.create({ adapter })
  refreshing.interceptors.request.use((config) => {
    config.headers.set("Authorization", currentAuthorization())
    return config
  })
  // its types are of axios' CommonJS twin
  createAuthRefresh(refreshing as never, () => Promise.resolve())
  return {
    name: "axios",
    bare: requests(axios.create({ adapter })),
    variants: [
      {
        name: "default header",
        kind: "static",
        run: requests(axios.create({ adapter, headers: { Authorization: authorization } }))
      },
      { name: "request interceptor", kind: "token", run: requests(intercepted) },
      { name: "request interceptor, axios-auth-refresh", kind: "token", run: requests(refreshing) }
    ]
  }
}

const ofetchFamily = (): Family => {
  const client = createFetch({ fetch: stubFetch })
  const withHook = client.create({
    onRequest: ({ options }) => {
      options.headers.set("authorization", currentAuthorization())
    }
  })
  return {
    name: "ofetch",
    bare: loop(() => client(url)),
    variants: [
      {
        name: "default header",
        kind: "static",
        run: ((client) => loop(() => client(url)))(client.create({ headers: { authorization } }))
      },
      { name: "onRequest hook", kind: "token", run: loop(() => withHook(url)) }
    ]
  }
}

const kyFamily = (): Family => {
  const client = ky.create({ fetch: stubFetch, retry: 0 })
  const withHeader = client.extend({ headers: { authorization } })
  const withHook = client.extend({
    hooks: { beforeRequest: [(request) => request.headers.set("authorization", currentAuthorization())] }
  })
  return {
    name: "ky",
    bare: loop(() => client.get(url)),
    variants: [
      { name: "default header", kind: "static", run: loop(() => withHeader.get(url)) },
      { name: "beforeRequest hook", kind: "token", run: loop(() => withHook.get(url)) }
    ]
  }
}

/** got has no transport to replace; a hook that answers comes closest. */
const gotFamily = (): Family => {
  type BeforeRequest = NonNullable<NonNullable<GotOptions["hooks"]>["beforeRequest"]>[number]
  const answering: BeforeRequest = () => {
    const response = Object.assign(new IncomingMessage(undefined as never), {
      statusCode: 200,
      url,
      headers: {},
      complete: true
    })
    response.push(null)
    return response as never
  }
  const client = (...hooks: ReadonlyArray<BeforeRequest>) =>
    got.extend({ retry: { limit: 0 }, hooks: { beforeRequest: [...hooks, answering] } })
  const bare = client()
  const withHeader = bare.extend({ headers: { authorization } })
  const withHook = client((options) => {
    options.headers["authorization"] = currentAuthorization()
  })
  return {
    name: "got",
    bare: loop(() => bare.get(url)),
    variants: [
      { name: "default header", kind: "static", run: loop(() => withHeader.get(url)) },
      { name: "beforeRequest hook", kind: "token", run: loop(() => withHook.get(url)) }
    ]
  }
}

const google = (): Family => {
  const client = new gaxios.Gaxios({ fetchImplementation: stubFetch })
  const authenticated = new GoogleClient({ transporterOptions: { fetchImplementation: stubFetch } })
  authenticated.setCredentials({ access_token: secret, refresh_token: secret, expiry_date: token.expiresAt })
  return {
    name: "gaxios",
    bare: loop(() => client.request({ url })),
    variants: [
      { name: "default header", kind: "static", run: loop(() => client.request({ url, headers: { authorization } })) },
      { name: "google-auth-library", kind: "token", run: loop(() => authenticated.request({ url })) }
    ]
  }
}

const octokit = (): Family => {
  const bare = new Octokit({ request: { fetch: stubFetch }, baseUrl: origin })
  const authenticated = new Octokit({ request: { fetch: stubFetch }, baseUrl: origin, auth: secret })
  return {
    name: "@octokit/core",
    bare: loop(() => bare.request("GET /things/1")),
    variants: [
      { name: "@octokit/auth-token", kind: "static", run: loop(() => authenticated.request("GET /things/1")) }
    ]
  }
}

const fetchWrappers = (): Family => {
  const badgateway = new OAuth2Fetch({
    client: new BadgatewayClient({ server: origin, clientId: "bench" }),
    getNewToken: () => ({ accessToken: secret, refreshToken: null, expiresAt: token.expiresAt }),
    scheduleRefresh: false
  }).mw()
  return {
    name: "fetch (stub)",
    bare: loop(() => stubFetchOf(new Request(url))),
    variants: [
      {
        name: "oauth4webapi protectedResourceRequest",
        kind: "static",
        run: loop(() =>
          oauth.protectedResourceRequest(secret, "GET", new URL(url), new Headers(), null, {
            [oauth.customFetch]: stubFetch
          })
        )
      },
      {
        name: "@badgateway/oauth2-client",
        kind: "token",
        run: loop(() => badgateway(new Request(url), stubFetchOf))
      }
    ]
  }
}

export const families: ReadonlyArray<() => Family> = [
  azure,
  axiosFamily,
  ofetchFamily,
  kyFamily,
  gotFamily,
  google,
  octokit,
  fetchWrappers
]

function stubFetchOf(_request: Request): Promise<Response> {
  return Promise.resolve(answer)
}

function loop(request: () => Promise<unknown>): Run {
  return async (operations) => {
    for (let done = 0; done < operations; done++) await request()
  }
}
