import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as FileSystem from "@effect/platform/FileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as ChildProcess from "node:child_process"
import { fileURLToPath } from "node:url"
import * as Keyring from "./fixtures/keyring.ts"

const script = fileURLToPath(new URL("fixtures/keychainSession.ts", import.meta.url))

/** What the runs of the program print, each with its arguments. */
const runs = (directory: string, values: ReadonlyArray<string>) =>
  values.map((value) => `${process.execPath} --import tsx ${script} ${directory} ${value}`).join(" && ")

describe.skipIf(process.platform !== "linux")("KeychainTokenStore", () => {
  it.scoped("a session is read by the next run of the program, and cannot be read without the keychain", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      const printed = yield* Keyring.withSecretService(runs(directory, ["canary-access", ""]))
      assert.strictEqual(printed, "canary-access\ncanary-access\n")
      const [file = ""] = (yield* fs.readDirectory(directory)).filter((name) => name.endsWith(".json"))
      const text = yield* fs.readFileString(`${directory}/${file}`)
      assert.include(text, "A256GCM")
      assert.notInclude(text, "canary-access")
      // another keychain has another key
      const other = yield* Keyring.withSecretService(runs(directory, [""]))
      assert.include(other, "was not sealed for this session with one of the keys")
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scoped("a system without a keychain is told apart by writing, and says what to do", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      const printed = ChildProcess.execFileSync(process.execPath, [
        "--import",
        "tsx",
        script,
        directory,
        "canary-access"
      ], {
        encoding: "utf8",
        env: { ...process.env, DBUS_SESSION_BUS_ADDRESS: "unix:path=/nonexistent" }
      })
      assert.include(printed, "there is no keychain that @napi-rs/keyring can write to")
      assert.deepStrictEqual((yield* fs.readDirectory(directory)).filter((name) => name.endsWith(".json")), [])
    }).pipe(Effect.provide(NodeFileSystem.layer)))
})
