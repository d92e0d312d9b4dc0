import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Rotation from "../integration/fixtures/rotation.ts"

describe("FileTokenStore between processes", () => {
  it.scopedLive("four processes share one rotating session through 200 rotations: one login, and no refresh token used twice", () =>
    Effect.provide(Rotation.shareOneSession(200), NodeFileSystem.layer))
})
