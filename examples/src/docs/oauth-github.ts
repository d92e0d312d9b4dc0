/** A GitHub App that works in several installations, each with a token of its own. */
import * as GitHubApp from "@effect-auth/oauth/GitHubApp"
import * as OAuth from "@effect-auth/oauth/OAuth"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import { ConfigProvider, Effect, Schema } from "effect"
import { deepStrictEqual } from "node:assert"
import { generateKeyPairSync } from "node:crypto"

// #region installations
const installations = Effect.gen(function*() {
  const credential = yield* GitHubApp.credentialConfig("GITHUB") // GITHUB_APP_ID, GITHUB_PRIVATE_KEY
  return yield* OAuth.keyed(
    (installation: number) => GitHubApp.makeTokens({ credential, installation, permissions: { issues: "read" } }),
    { baseUrl: "https://api.github.com", mode: "GitHub/App" }
  )
})
// #endregion

// #region program
const Repositories = Schema.Struct({ repositories: Schema.Array(Schema.Struct({ full_name: Schema.String })) })

const program = Effect.gen(function*() {
  const { forKey } = yield* installations
  const names = (installation: number) =>
    forKey(installation).get("/installation/repositories").pipe(
      Effect.flatMap(({ json }) => json),
      Effect.flatMap(Schema.decodeUnknown(Repositories)),
      Effect.map(({ repositories }) => repositories.map(({ full_name }) => full_name))
    )
  return yield* Effect.all([names(101), names(202), names(101)], { concurrency: 2 })
})
// #endregion

const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 })

/** GitHub, as far as it is asked here. */
const gitHub = ScriptedHttpClient.layer(({ headers, line }) => {
  const installation = /^POST \/app\/installations\/(\d+)\/access_tokens$/u.exec(line)?.[1]
  if (installation !== undefined) {
    return { status: 201, json: { token: `canary-of-${installation}`, expires_at: "2100-01-01T00:00:00Z" } }
  }
  if (line === "DELETE /installation/token") return { status: 204 }
  const owner = /^Bearer canary-of-(\d+)$/u.exec(headers["authorization"] ?? "")?.[1]
  return owner === undefined ? { status: 401 } : { json: { repositories: [{ full_name: `owner-${owner}/things` }] } }
})

export const test = Effect.gen(function*() {
  const names = yield* Effect.scoped(program)
  deepStrictEqual(names, [["owner-101/things"], ["owner-202/things"], ["owner-101/things"]])
  const { requests } = yield* ScriptedHttpClient.ScriptedHttpClient
  const lines = (yield* requests).map(({ line }) => line)
  deepStrictEqual(lines.filter((line) => line.startsWith("POST")).sort(), [
    "POST /app/installations/101/access_tokens",
    "POST /app/installations/202/access_tokens"
  ])
  deepStrictEqual(lines.filter((line) => line.startsWith("DELETE")).length, 2) // both are revoked at the end
}).pipe(
  Effect.provide(gitHub),
  Effect.withConfigProvider(ConfigProvider.fromMap(
    new Map([
      ["GITHUB_APP_ID", "Iv23canary"],
      ["GITHUB_PRIVATE_KEY", String(privateKey.export({ type: "pkcs1", format: "pem" }))]
    ])
  ))
)
