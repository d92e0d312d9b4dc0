import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as CommandExecutor from "@effect/platform/CommandExecutor"
import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { createHash } from "node:crypto"
import { inspect } from "node:util"
import * as AwsCredentials from "../src/AwsCredentials.ts"
import type { SigV4 } from "../src/SigningCredential.ts"
import * as Files from "./files.ts"

const expiration = "1970-01-02T00:00:00Z"

const served = {
  Code: "Success",
  Type: "AWS-HMAC",
  AccessKeyId: "ASIA1",
  SecretAccessKey: "canary-secret",
  Token: "canary-session",
  Expiration: expiration
}

const shown = ({ accessKeyId, expiresAt, secretAccessKey, sessionToken }: SigV4) => [
  accessKeyId,
  Redacted.value(secretAccessKey),
  sessionToken === undefined ? undefined : Redacted.value(sessionToken),
  expiresAt?.epochMillis
]

const key = ["ASIA1", "canary-secret", "canary-session", 86_400_000]

const asked = (source: AwsCredentials.Source<HttpClient.HttpClient>, script: ScriptedHttpClient.Script) =>
  Effect.gen(function*() {
    const transport = ScriptedHttpClient.make(script)
    const result = yield* Effect.either(Effect.provideService(source, HttpClient.HttpClient, transport))
    return { result, requests: transport.unsafeRequests() }
  })

const files = (contents: Readonly<Record<string, string>>) => Files.make((path) => contents[path])

describe("AwsCredentials", () => {
  it.effect("asks the endpoint of a container, by path, by URL and with a token", () =>
    Effect.gen(function*() {
      const cases = [
        [{ uri: "/v2/credentials/1?x=1" }, "http://169.254.170.2/v2/credentials/1?x=1", undefined],
        [
          { uri: "http://169.254.170.23/v1/credentials", token: Redacted.make("canary-token") },
          "http://169.254.170.23/v1/credentials",
          "canary-token"
        ],
        [{ uri: "http://localhost:8080/creds" }, "http://localhost:8080/creds", undefined],
        [{ uri: "https://vault.example/creds" }, "https://vault.example/creds", undefined]
      ] as const
      for (const [options, url, token] of cases) {
        const { requests, result } = yield* asked(AwsCredentials.container(options), { json: served })
        assert.deepStrictEqual(shown(yield* result), key)
        assert.deepStrictEqual(requests.map(({ headers, url }) => [url.href, headers["authorization"]]), [[url, token]])
      }
    }))

  it.effect("reads the token of a container from its file each time, as it is replaced", () =>
    Effect.gen(function*() {
      const tokens = { "/token": "canary-1\n" }
      const transport = ScriptedHttpClient.make({ json: served })
      const source = AwsCredentials.containerWithTokenFile({ uri: "http://169.254.170.23/v1", tokenFile: "/token" })
        .pipe(
          Effect.provideService(HttpClient.HttpClient, transport),
          Effect.provideService(FileSystem.FileSystem, files(tokens))
        )
      yield* source
      tokens["/token"] = "canary-2"
      yield* source
      assert.deepStrictEqual(transport.unsafeRequests().map(({ headers }) => headers["authorization"]), [
        "canary-1",
        "canary-2"
      ])
    }))

  it.effect("asks the metadata of an instance with a token, for its role", () =>
    Effect.gen(function*() {
      const { requests, result } = yield* asked(AwsCredentials.instanceMetadata(), [
        { body: "canary-metadata-token" },
        { body: "reports-role" },
        { json: served }
      ])
      assert.deepStrictEqual(shown(yield* result), key)
      assert.deepStrictEqual(requests.map(({ line }) => line), [
        "PUT /latest/api/token",
        "GET /latest/meta-data/iam/security-credentials/",
        "GET /latest/meta-data/iam/security-credentials/reports-role"
      ])
      assert.deepStrictEqual(requests.slice(1).map(({ headers }) => headers["x-aws-ec2-metadata-token"]), [
        "canary-metadata-token",
        "canary-metadata-token"
      ])
    }))

  it.effect("asks for no key over plain http but on this machine and at the addresses of AWS", () =>
    Effect.gen(function*() {
      const sources = [
        AwsCredentials.container({ uri: "http://attacker.example/creds" }),
        AwsCredentials.container({ uri: "http://169.254.170.2.attacker.example/" }),
        AwsCredentials.container({ uri: "not a URL" }),
        AwsCredentials.container({ uri: "file:///etc/passwd" }),
        AwsCredentials.instanceMetadata({ endpoint: "http://attacker.example" })
      ]
      for (const source of sources) {
        const { requests, result } = yield* asked(source, { json: served })
        assert.strictEqual((yield* Effect.flip(result))._tag, "CredentialUnavailable")
        assert.lengthOf(requests, 0)
      }
    }))

  it.effect("exchanges the session of aws sso login for a key of a role, until it ends", () =>
    Effect.gen(function*() {
      const name = createHash("sha1").update("my-session").digest("hex")
      const source = AwsCredentials.sso({
        cache: "/home/me/.aws/sso/cache/",
        session: "my-session",
        region: "eu-central-1",
        accountId: "123456789012",
        roleName: "Reader"
      })
      const run = (content: string) =>
        asked(
          Effect.provideService(
            source,
            FileSystem.FileSystem,
            files({ [`/home/me/.aws/sso/cache/${name}.json`]: content })
          ),
          {
            json: {
              roleCredentials: {
                accessKeyId: "ASIA1",
                secretAccessKey: "canary-secret",
                sessionToken: "canary-session",
                expiration: 86_400_000
              }
            }
          }
        )
      const session = JSON.stringify({ accessToken: "canary-access", expiresAt: "1970-01-01T08:00:00UTC" })
      const { requests, result } = yield* run(session)
      assert.deepStrictEqual(shown(yield* result), key)
      assert.strictEqual(
        requests[0]?.url.href,
        "https://portal.sso.eu-central-1.amazonaws.com/federation/credentials?role_name=Reader&account_id=123456789012"
      )
      assert.strictEqual(requests[0]?.headers["x-amz-sso_bearer_token"], "canary-access")
      yield* TestClock.adjust("8 hours")
      assert.include((yield* Effect.flip((yield* run(session)).result)).message, "log in again")
      const error = yield* Effect.flip((yield* run("{\"accessToken\": \"canary-access\"}")).result)
      assert.include(error.message, "no session")
      assert.notInclude(inspect(error, { depth: 20 }), "canary")
    }))

  it.effect("fails with the endpoint's status, and shows no secret", () =>
    Effect.gen(function*() {
      const container = AwsCredentials.container({ uri: "/v2", token: Redacted.make("canary-token") })
      for (
        const [reply, tag] of [
          [{ status: 403, body: "canary-token is wrong" }, "CredentialsRejected"],
          [{ status: 503 }, "TokenEndpointError"],
          [{ status: 404 }, "TokenEndpointError"],
          [{ json: { ...served, Expiration: "soon" } }, "MalformedTokenResponse"],
          [{ json: { Code: "AssumeRoleUnauthorizedAccess" } }, "MalformedTokenResponse"],
          [{ json: { ...served, AccessKeyId: "a/b" } }, "CredentialUnavailable"]
        ] as const
      ) {
        const { result } = yield* asked(container, reply)
        const error = yield* Effect.flip(result)
        assert.strictEqual(error._tag, tag)
        assert.notInclude(inspect(error, { depth: 20 }), "canary")
      }
    }))

  describe("process", () => {
    const node = process.execPath
    const print = (text: string, end = "") =>
      [node, "-e", `process.stdout.write(${JSON.stringify(text)});${end}`] as const
    const run = (options: AwsCredentials.CommandOptions) =>
      Effect.provide(Effect.either(AwsCredentials.process(options)), NodeContext.layer)

    it.live("takes the key that an allowed program prints", () =>
      Effect.gen(function*() {
        const { Expiration, Token, ...rest } = served
        const text = JSON.stringify({ ...rest, Version: 1, SessionToken: Token, Expiration })
        assert.deepStrictEqual(shown(yield* yield* run({ command: print(text), allow: [node] })), key)
      }))

    it.live("says what went wrong without what was printed", () =>
      Effect.gen(function*() {
        const cases: ReadonlyArray<readonly [AwsCredentials.CommandOptions, string]> = [
          [{ command: print("canary-printed"), allow: [node] }, "did not print a key"],
          [{ command: print("{\"Version\": 2}"), allow: [node] }, "did not print a key"],
          [{ command: print(""), allow: [node] }, "printed nothing"],
          [{ command: print("canary", "process.exitCode = 3"), allow: [node] }, "code 3"],
          [
            { command: print("canary", "setTimeout(() => {}, 60000)"), allow: [node], timeout: "200 millis" },
            "longer than"
          ],
          [{ command: ["/nowhere/canary-not"], allow: ["/nowhere/canary-not"] }, "NotFound"]
        ]
        for (const [options, expected] of cases) {
          const { message } = yield* Effect.flip(yield* run(options))
          assert.include(message, expected)
          assert.notInclude(message, "canary-printed")
        }
      }))

    it.effect("runs no program that is not allowed by its absolute path", () =>
      Effect.gen(function*() {
        const cases: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
          ["/bin/echo", []],
          ["/bin/echo", ["/bin/ech", "/bin/echo2", "/bin"]],
          ["echo", ["echo"]],
          ["./echo", ["./echo"]],
          ["/bin/../bin/echo", ["/bin/../bin/echo"]]
        ]
        const executor = CommandExecutor.makeExecutor(() => Effect.dieMessage("it was run"))
        for (const [program, allow] of cases) {
          const error = yield* Effect.flip(
            AwsCredentials.process({ command: [program], allow }).pipe(
              Effect.provideService(CommandExecutor.CommandExecutor, executor)
            )
          )
          assert.strictEqual(error._tag, "CredentialUnavailable")
        }
      }))
  })

  it.effect("takes the first source that has a key, and hides no source that is refused", () =>
    Effect.gen(function*() {
      const absent = AwsCredentials.container({ uri: "nothing" })
      const metadata = AwsCredentials.instanceMetadata({ role: "r" })
      const { result } = yield* asked(AwsCredentials.firstAvailable(absent, metadata), [{ body: "t" }, {
        json: served
      }])
      assert.deepStrictEqual(shown(yield* result), key)
      const refused = yield* asked(
        AwsCredentials.firstAvailable(AwsCredentials.container({ uri: "/v2" }), metadata),
        [{ status: 403 }]
      )
      assert.strictEqual((yield* Effect.flip(refused.result))._tag, "CredentialsRejected")
    }))
})
