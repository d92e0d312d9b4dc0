import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Loopback from "../test/Loopback.ts"
import * as Model from "../test/OffOriginModel.ts"
import * as Servers from "../test/OffOriginServers.ts"

const seed = Number(process.env["SEED"] ?? Date.now() % 2 ** 31)

describe("off the client's origins", () => {
  it("no credential goes by any of 7,560 redirects", async () => {
    assert.lengthOf(Model.redirectCases, 7_560)
    assert.deepStrictEqual(
      await Effect.runPromise(Model.problems(Model.redirectCases, Model.runRedirect, Model.showRedirect)),
      []
    )
  })

  it("no credential goes by any of 14,220 URLs", async () => {
    assert.lengthOf(Model.urlCases, 14_220)
    assert.deepStrictEqual(await Effect.runPromise(Model.problems(Model.urlCases, Model.runUrl, Model.showUrl)), [])
  })

  for (const { layer, name } of Loopback.transports()) {
    it.scopedLive(`no credential reaches a foreign server over ${name}: 1,000 redirects, 2,000 URLs (seed ${seed})`, () =>
      Effect.gen(function*() {
        console.log(`seed ${seed}: SEED=${seed} repeats this run`)
        assert.deepStrictEqual(yield* Servers.problems({ redirects: 1_000, urls: 2_000 }, seed), [])
      }).pipe(Effect.provide(layer)))
  }
})
