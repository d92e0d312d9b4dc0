import * as OAuthCredential from "@effect-auth/oauth/OAuthCredential"
import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import { asTyped } from "../../src/internal/identifier.ts"

const pasted = [" canary-id", "canary-id ", "canary-id\u00a0", "\ufeffcanary-id", "canary\u200b-id", "canary-id\u2060"]

describe("identifier", () => {
  it.each(pasted)("is refused with what was pasted along with it: %j", (id) => {
    assert.strictEqual(asTyped(id), "must not have white space around it or an invisible character in it")
    const credential = OAuthCredential.device({ clientId: id })
    assert.strictEqual(
      Either.getOrThrow(Either.flip(credential)).message,
      "credential.clientId: must not have white space around it or an invisible character in it"
    )
  })

  it.each(["canary-id", "0oa-canary", "https://app.example/client.json", "my client", "клиент"])("may be %s", (id) => {
    assert.isTrue(asTyped(id))
    assert.isTrue(Either.isRight(OAuthCredential.device({ clientId: id })))
  })

  it("is refused if it is white space alone", () => {
    assert.strictEqual(
      Either.getOrThrow(Either.flip(OAuthCredential.device({ clientId: " " }))).message,
      "credential.clientId: must not be empty"
    )
  })
})
