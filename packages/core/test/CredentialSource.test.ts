import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import { CredentialUnavailable } from "../src/AuthError.ts"
import * as Credential from "../src/Credential.ts"
import * as CredentialSource from "../src/CredentialSource.ts"
import { assertSecretFree } from "./printouts.ts"

const options = { mode: "Acme/Basic", make: Credential.basic }
const fields = (password: string) => ({ username: "reader", password: Redacted.make(password) })
const credential = (password: string) => new Credential.Basic(fields(password))

describe("CredentialSource", () => {
  describe("a value", () => {
    it.effect("is fixed, and every read returns it", () =>
      Effect.gen(function*() {
        const source = yield* CredentialSource.make(fields("canary"), options)
        assert.isTrue(Equal.equals(source.fixed, Option.some(credential("canary"))))
        assert.isTrue(Equal.equals(yield* source.read, credential("canary")))
      }))

    it.effect("may be an instance of the class", () =>
      Effect.gen(function*() {
        const source = yield* CredentialSource.make(credential("canary"), options)
        assert.isTrue(Equal.equals(source.fixed, Option.some(credential("canary"))))
      }))

    it.effect("fails with InvalidSetting if it cannot be sent, without showing it", () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(CredentialSource.make(fields("canary\n"), options))
        assert.deepInclude(error, { _tag: "InvalidSetting", setting: "credential.password" })
        assertSecretFree(error, ["canary"])
      }))
  })

  describe("an Effect", () => {
    it.effect("is not fixed, and runs at each read", () =>
      Effect.gen(function*() {
        const reads = yield* Ref.make(0)
        const next = Effect.map(Ref.updateAndGet(reads, (n) => n + 1), (n) => fields(`canary-${n}`))
        const source = yield* CredentialSource.make(next, options)
        assert.isTrue(Option.isNone(source.fixed))
        assert.strictEqual(yield* Ref.get(reads), 0)
        assert.isTrue(Equal.equals(yield* source.read, credential("canary-1")))
        assert.isTrue(Equal.equals(yield* source.read, credential("canary-2")))
      }))

    it.effect("takes its services from where the source is made", () =>
      Effect.gen(function*() {
        class Vault extends Context.Tag("test/Vault")<Vault, string>() {}
        const source = yield* CredentialSource.make(Effect.map(Vault, fields), options).pipe(
          Effect.provideService(Vault, "canary-vault")
        )
        const read: Effect.Effect<Credential.Basic, CredentialUnavailable> = source.read
        assert.isTrue(Equal.equals(yield* read, credential("canary-vault")))
      }))

    it.effect("fails a read with its own CredentialUnavailable", () =>
      Effect.gen(function*() {
        const sealed = new CredentialUnavailable({ mode: "Acme/Basic", problem: "the vault is sealed" })
        const source = yield* CredentialSource.make<Credential.Basic, Credential.Basic>(Effect.fail(sealed), {
          mode: "Acme/Basic",
          make: Either.right
        })
        assert.strictEqual(yield* Effect.flip(source.read), sealed)
      }))

    it.effect("fails a read whose value cannot be sent, naming the field and not its value", () =>
      Effect.gen(function*() {
        const source = yield* CredentialSource.make(Effect.succeed(fields("canary\n")), options)
        const error = yield* Effect.flip(source.read)
        assert.strictEqual(
          error.message,
          "Acme/Basic: credential.password: must not contain control characters; there is white space around it"
        )
        assert.strictEqual(error._tag, "CredentialUnavailable")
        assertSecretFree(error, ["canary"])
      }))
  })

  describe("succeed", () => {
    it.effect("is fixed, and every read returns the credential", () =>
      Effect.gen(function*() {
        const source = CredentialSource.succeed("canary")
        assert.deepStrictEqual(source.fixed, Option.some("canary"))
        assert.strictEqual(yield* source.read, "canary")
      }))
  })
})
