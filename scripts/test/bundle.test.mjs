/** What a bundler leaves of the packages, for browsers and Workers. */
import { build } from "esbuild"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { root } from "../workspace.mjs"

const programs = {
  session: `
    import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
    import * as Authenticator from "@effect-auth/core/Authenticator"
    import * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
    import * as TokenSource from "@effect-auth/core/TokenSource"
    console.log(AuthenticatedHttpClient.layer, Authenticator.bearer, TokenEndpoint.execute, TokenSource.make)`,
  yamcs: `import * as Yamcs from "@effect-auth/yamcs/Yamcs"; console.log(Yamcs.layerPassword, Yamcs.layer)`,
  mqweb: `import * as IbmMq from "@effect-auth/ibm-mq/IbmMq"; console.log(IbmMq.layerBasic)`,
  limiter: `import * as RateLimiter from "@effect-auth/rate-limit/RateLimiter"; console.log(RateLimiter.make)`
}

/** In one build, which reads what they share once. */
const bundles = build({
  bundle: true,
  entryPoints: Object.keys(programs).map((name) => `program:${name}`),
  format: "esm",
  metafile: true,
  outdir: root,
  plugins: [{
    name: "programs",
    setup: ({ onLoad, onResolve }) => {
      onResolve({ filter: /^program:/ }, ({ path }) => ({ path: path.slice("program:".length), namespace: "program" }))
      onLoad({ filter: /./, namespace: "program" }, ({ path }) => ({
        contents: programs[path],
        resolveDir: join(root, "examples")
      }))
    }
  }],
  write: false
})

/** The modules of our packages of which something is left in the bundle of a program. */
const bundled = async (program) => {
  const { metafile: { outputs } } = await bundles
  const { inputs } = Object.values(outputs).find(({ entryPoint }) => entryPoint === `program:${program}`)
  return Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => {
    const module = /packages\/(.*)\.ts$/.exec(path)?.[1].replace("/src", "")
    return module === undefined || bytesInOutput === 0 ? [] : [module]
  })
}

const limiting = [
  "RateLimiter",
  ...["limiter", "lanes", "partition", "window", "queue", "waiting", "attempts"].map((name) => `internal/${name}`)
].map((module) => `rate-limit/${module}`)

describe("bundle", () => {
  it.each([
    ["with a session of its own", "session"],
    ["of Yamcs", "yamcs"],
    ["of IBM MQ", "mqweb"]
  ])("leaves the rate limiter out of a program that uses none: one %s", async (_, program) => {
    const modules = await bundled(program)
    expect(modules).toContain("core/AuthenticatedHttpClient")
    expect(modules.filter((module) => limiting.includes(module))).toEqual([])
  })

  it("has the whole rate limiter in a program that uses one", async () => {
    expect(await bundled("limiter")).toEqual(expect.arrayContaining(limiting))
  })
})
