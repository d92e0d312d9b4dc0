import { describe, it } from "@effect/vitest"
import { assertModel } from "../windowModel.ts"

describe("window", () => {
  it("lets no call run into a block that it was told of, nor wait for longer than a window", () => assertModel(60, 3))
})
