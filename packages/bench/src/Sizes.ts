/**
 * What a program bundles for each feature that it uses: a token source for bearer tokens first, then what each of the others
 * adds to it, without Effect and its platform.
 */
import * as Effect from "effect/Effect"
import { build } from "esbuild"
import { brotliCompressSync } from "node:zlib"
import { home } from "./Bundle.ts"
import type { Cell, Result } from "./Report.ts"
import { atMost } from "./Report.ts"

interface Feature {
  readonly name: string
  readonly brings: string
  readonly program: string
}

const base: Feature = {
  name: "a bearer token source, and the client that uses it",
  brings: "one exchange for all, early renewal, replay after a refusal, redirects, no secret anywhere",
  program: `
    export { make as client } from "@effect-auth/core/AuthenticatedHttpClient"
    export { bearer } from "@effect-auth/core/Authenticator"
    export { make as token } from "@effect-auth/core/Token"
    export { make as tokens } from "@effect-auth/core/TokenSource"`
}

const features: ReadonlyArray<Feature> = [
  {
    name: "a rate limiter",
    brings: "no request in vain against a quota of the server",
    program: `export { make } from "@effect-auth/rate-limit/RateLimiter"
      export { default as policy } from "@effect-auth/rate-limit/RateLimitPolicy"`
  },
  {
    name: "exchanges with a token endpoint",
    brings: "answers within bounds, refusals in the words of the server",
    program: `export { execute, json } from "@effect-auth/core/TokenEndpoint"`
  },
  {
    name: "sources for many users",
    brings: "one for each key, idle ones end",
    program: `export { keyed } from "@effect-auth/core/TokenSource"`
  },
  {
    name: "WebSockets",
    brings: "the handshake is a request of the client",
    program: `export * from "@effect-auth/core/AuthenticatedSocket"`
  },
  {
    name: "OAuth: client credentials",
    brings: "metadata, client authentication, scopes",
    program: `export { layer } from "@effect-auth/oauth/ClientCredentials"`
  },
  {
    name: "OAuth: authorization code",
    brings: "PKCE, the browser, refresh tokens that rotate",
    program: `export { layer } from "@effect-auth/oauth/AuthorizationCode"`
  },
  {
    name: "OAuth: device",
    brings: "a login on another device",
    program: `export { layer } from "@effect-auth/oauth/Device"`
  },
  {
    name: "OAuth: client credentials with DPoP",
    brings: "tokens that are of no use to who steals them",
    program: `export { layer } from "@effect-auth/oauth/ClientCredentials"
      export { generated } from "@effect-auth/oauth/Dpop"`
  },
  {
    name: "OAuth: clients of the Model Context Protocol",
    brings: "discovery, registration, step-up",
    program: `export * from "@effect-auth/oauth/Mcp"`
  },
  {
    name: "a file for the session",
    brings: "a session that survives the process and is shared by several",
    program: `export { layer } from "@effect-auth/node/FileTokenStore"`
  },
  {
    name: "Digest",
    brings: "RFC 7616",
    program: `export { layer } from "@effect-auth/signing/Digest"`
  },
  {
    name: "SigV4",
    brings: "requests to AWS, with keys from wherever AWS has them",
    program: `export { layer } from "@effect-auth/signing/SigV4"`
  },
  {
    name: "IBM MQ",
    brings: "its three modes, its errors, CSRF, MQSC",
    program: `export * from "@effect-auth/ibm-mq"`
  },
  {
    name: "Yamcs",
    brings: "its eight modes, its errors, subscriptions",
    program: `export * from "@effect-auth/yamcs"`
  },
  {
    name: "Qualys",
    brings: "its platforms, modes, quotas and errors",
    program: `export * from "@effect-auth/qualys"`
  }
]

const sizeOf = async (
  ...programs: ReadonlyArray<Feature>
): Promise<{ readonly minified: number; readonly brotli: number }> => {
  const { outputFiles: [bundle] } = await build({
    // a name for each, so that no two of them export the same
    stdin: {
      contents: programs.map((_, index) => `export * as part${index} from "feature:${index}"`).join("\n"),
      resolveDir: home
    },
    plugins: [{
      name: "features",
      setup: (build) => {
        build.onResolve({ filter: /^feature:/ }, ({ path }) => ({ path, namespace: "feature" }))
        build.onLoad({ filter: /./, namespace: "feature" }, ({ path }) => ({
          contents: programs[Number(path.slice("feature:".length))]?.program ?? "",
          resolveDir: home
        }))
      }
    }],
    bundle: true,
    external: ["effect", "@effect/platform", "@effect/platform-node", "@napi-rs/*", "jose", "kerberos", "ws", "node:*"],
    format: "esm",
    legalComments: "none",
    logLevel: "error",
    minify: true,
    platform: "neutral",
    mainFields: ["module", "main"],
    target: "es2022",
    write: false
  })
  const contents = bundle?.contents ?? new Uint8Array()
  return { minified: contents.length / 1000, brotli: brotliCompressSync(contents).length / 1000 }
}

const options =
  "What an option may ask for is in it whether it is asked for or not: stores, redirects, replays, uploads; and errors " +
  "that tell a person what to do. The limiter is not."

const measure = async (): Promise<Result> => {
  const alone = await sizeOf(base)
  const rows: Array<ReadonlyArray<Cell>> = [[base.name, alone.minified, alone.brotli, base.brings]]
  for (const feature of features) {
    const { brotli, minified } = await sizeOf(base, feature)
    rows.push([`+ ${feature.name}`, minified - alone.minified, brotli - alone.brotli, feature.brings])
  }
  return {
    title: "kilobytes that a program bundles for each feature",
    columns: ["feature", "minified kB", "brotli kB", "what it brings"],
    rows,
    goals: [atMost("kB brotli of a bearer token source and its client", alone.brotli, 14, options)],
    notes: [
      "Bundled and minified by esbuild, without Effect and its platform, which an Effect program has anyway.",
      "What begins with + is what it adds to the first."
    ]
  }
}

export const run: Effect.Effect<Result> = Effect.promise(measure)
