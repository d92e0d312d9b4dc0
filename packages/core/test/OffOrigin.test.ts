import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Loopback from "./Loopback.ts"
import * as Model from "./OffOriginModel.ts"
import * as Servers from "./OffOriginServers.ts"

/** Another sample each time; `npm run test:long` takes all of them. */
const seed = Number(process.env["SEED"] ?? Date.now() % 2 ** 31)

describe("off the client's origins", () => {
  it(`no credential goes by a redirect: 150 of ${Model.redirectCases.length} (SEED=${seed})`, async () => {
    const cases = Model.sample(Model.redirectCases, 150, seed)
    assert.lengthOf(new Set(cases), 150)
    assert.deepStrictEqual(await Effect.runPromise(Model.problems(cases, Model.runRedirect, Model.showRedirect)), [])
  })

  it(`no credential goes by a URL: 500 of ${Model.urlCases.length} (SEED=${seed})`, async () => {
    const cases = Model.sample(Model.urlCases, 500, seed)
    assert.deepStrictEqual(await Effect.runPromise(Model.problems(cases, Model.runUrl, Model.showUrl)), [])
  })

  for (const { layer, name } of Loopback.transports()) {
    it.scopedLive(`no credential reaches a foreign server over ${name}: 20 redirects, 30 URLs (SEED=${seed})`, () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* Servers.problems({ redirects: 20, urls: 30 }, seed), [])
      }).pipe(Effect.provide(layer)))
  }
})
