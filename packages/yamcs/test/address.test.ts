import { assert, describe, it } from "@effect/vitest"
import { absolute } from "../src/internal/address.ts"

describe("The address of a Yamcs server", () => {
  const cases: ReadonlyArray<readonly [given: string, meant: string]> = [
    ["localhost:8090", "http://localhost:8090"],
    ["127.0.0.1:8090", "http://127.0.0.1:8090"],
    ["[::1]:8090/yamcs", "http://[::1]:8090/yamcs"],
    ["LOCALHOST", "http://LOCALHOST"],
    ["yamcs.example:8090", "https://yamcs.example:8090"],
    ["yamcs.example/yamcs/", "https://yamcs.example/yamcs/"],
    ["localhost.yamcs.example:8090", "https://localhost.yamcs.example:8090"],
    ["http://yamcs.example:8090", "http://yamcs.example:8090"],
    ["HTTPS://yamcs.example", "HTTPS://yamcs.example"],
    ["https:\\\\yamcs.example", "https:\\\\yamcs.example"],
    ["https:/yamcs.example", "https:/yamcs.example"],
    ["http:yamcs.example", "http:yamcs.example"],
    ["https:8443/ops", "https://https:8443/ops"],
    ["", ""]
  ]
  cases.forEach(([given, meant]) =>
    it(`${given === "" ? "nothing" : given} means ${meant === "" ? "nothing" : meant}`, () => {
      assert.strictEqual(absolute(given), meant)
    })
  )

  it("a URL object stays what it is", () => {
    assert.strictEqual(absolute(new URL("https://yamcs.example/ops")), "https://yamcs.example/ops")
  })
})
