/** Modules that lie elsewhere. */
const http = [
  "Cookies",
  "FetchHttpClient",
  "Headers",
  "HttpBody",
  "HttpClient",
  "HttpClientError",
  "HttpClientRequest",
  "HttpClientResponse",
  "HttpIncomingMessage",
  "HttpMethod",
  "HttpRouter",
  "HttpServer",
  "HttpServerError",
  "HttpServerRequest",
  "HttpServerResponse",
  "HttpTraceContext",
  "UrlParams"
]
const api = ["HttpApi", "HttpApiBuilder", "HttpApiClient", "HttpApiEndpoint", "HttpApiError", "HttpApiGroup"]
const rpc = ["Rpc", "RpcClient", "RpcClientError", "RpcGroup", "RpcSerialization", "RpcServer"]

const under = (from, to, names) => Object.fromEntries(names.map((name) => [`${from}/${name}`, `${to}/${name}`]))

/** @type {ReadonlyArray<import("../rewrite.mjs").Rule>} */
export const modules = [
  {
    name: "the HTTP client and server are part of effect",
    before: `import * as HttpClient from "@effect/platform/HttpClient"\nHttpClient.get`,
    after: `import * as HttpClient from "effect/http/HttpClient"\nHttpClient.get`,
    modules: under("@effect/platform", "effect/http", http)
  },
  {
    name: "so are its typed APIs",
    before: `import { HttpApi } from "@effect/platform"\nHttpApi.make`,
    after: `import * as HttpApi from "effect/http-api/HttpApi"\nHttpApi.make`,
    modules: under("@effect/platform", "effect/http-api", api)
  },
  {
    name: "so is RPC",
    before: `import * as Rpc from "@effect/rpc/Rpc"\nRpc.make`,
    after: `import * as Rpc from "effect/rpc/Rpc"\nRpc.make`,
    modules: under("@effect/rpc", "effect/rpc", rpc)
  },
  {
    name: "so are files, sockets and stores",
    before: `import * as KeyValueStore from "@effect/platform/KeyValueStore"\nKeyValueStore.layerMemory`,
    after: `import * as KeyValueStore from "effect/persistence/KeyValueStore"\nKeyValueStore.layerMemory`,
    modules: {
      "@effect/platform/FileSystem": "effect/FileSystem",
      "@effect/platform/Path": "effect/Path",
      "@effect/platform/KeyValueStore": "effect/persistence/KeyValueStore",
      "@effect/platform/Socket": "effect/socket/Socket"
    }
  },
  {
    name: "the test clock is in a folder of its own",
    before: `import * as TestClock from "effect/TestClock"\nTestClock.adjust("1 second")`,
    after: `import * as TestClock from "effect/testing/TestClock"\nTestClock.adjust("1 second")`,
    modules: { "effect/TestClock": "effect/testing/TestClock" }
  },
  {
    name: "fast-check is a package of its own",
    before: `import * as FastCheck from "effect/FastCheck"\nFastCheck.string()`,
    after: `import * as FastCheck from "fast-check"\nFastCheck.string()`,
    modules: { "effect/FastCheck": "fast-check" }
  }
]
