/**
 * What a proof of possession (DPoP, RFC 9449) costs a request, beside the signature that it consists of and cannot do
 * without.
 */
import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as Dpop from "@effect-auth/oauth/Dpop"
import * as OAuth from "@effect-auth/oauth/OAuth"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import { KeyObject, sign } from "node:crypto"
import * as oauth from "oauth4webapi"
import * as openid from "openid-client"
import type { Run, Sample } from "./Measure.ts"
import { interleave, paired, spread, warmUp } from "./Measure.ts"
import type { Result } from "./Report.ts"
import { atMost } from "./Report.ts"
import { markedTransport, origin, secret, stubFetch, url } from "./stub.ts"

const measure = async (): Promise<Result> => {
  const { privateKey, publicKey } = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
    "sign",
    "verify"
  ])
  const jwk = { ...await crypto.subtle.exportKey("jwk", privateKey), alg: "ES256" }
  const { crv, kty, x, y } = jwk
  // as much as a proof signs
  const bytes = encoder.encode("x".repeat(444))
  const signature: Run = async (operations) => {
    for (let i = 0; i < operations; i++) {
      await crypto.subtle.sign(algorithm, privateKey, bytes)
    }
  }

  const ownKey = { key: KeyObject.from(privateKey), dsaEncoding: "ieee-p1363" } as const
  const signatureAtOnce: Run = (operations) => {
    for (let i = 0; i < operations; i++) sign("sha256", bytes, ownKey)
    return Promise.resolve()
  }

  const header = base64url(JSON.stringify({ typ: "dpop+jwt", alg: "ES256", jwk: { kty, crv, x, y } }))
  const byHand: Run = async (operations) => {
    for (let i = 0; i < operations; i++) {
      const { origin, pathname } = new URL(url)
      const claims = {
        jti: crypto.randomUUID(),
        htm: "GET",
        htu: origin + pathname,
        iat: Math.floor(Date.now() / 1000),
        ath
      }
      const input = `${header}.${base64url(JSON.stringify(claims))}`
      const bytes = await crypto.subtle.sign(algorithm, privateKey, encoder.encode(input))
      if (`${input}.${base64url(String.fromCharCode(...new Uint8Array(bytes)))}` === "") throw new Error("no proof")
    }
  }

  const forever = Effect.runSync(Scope.make())
  const clientWith = (dpop: Dpop.Dpop | undefined) =>
    Effect.gen(function*() {
      const login = Token.make({
        value: secret,
        type: dpop === undefined ? "Bearer" : "DPoP",
        key: Redacted.make(JSON.stringify(jwk))
      })
      const tokens = yield* TokenSource.make({ login })
      return yield* OAuth.makeWith(tokens, { baseUrl: origin, dpop })
    }).pipe(
      // the source stays open for as long as the process runs
      Scope.extend(forever),
      Effect.provideService(HttpClient.HttpClient, markedTransport)
    )
  const requests = (client: AuthenticatedHttpClient.Service): Run => (operations) =>
    Effect.runPromise(Effect.repeatN(client.get(url), operations - 1))

  const pair = { privateKey, publicKey }
  const config = new openid.Configuration({ issuer: origin }, "bench", "canary-secret")
  config[openid.customFetch] = stubFetch
  const handle = openid.getDPoPHandle(config, pair)
  const openidClient: Run = async (operations) => {
    for (let i = 0; i < operations; i++) {
      await openid.fetchProtectedResource(config, secret, new URL(url), "GET", null, new Headers(), { DPoP: handle })
    }
  }
  const proofs = oauth.DPoP({}, pair)
  const oauth4webapi: Run = async (operations) => {
    for (let i = 0; i < operations; i++) {
      await oauth.protectedResourceRequest(secret, "GET", new URL(url), new Headers(), null, {
        DPoP: proofs,
        [oauth.customFetch]: stubFetch
      })
    }
  }

  const runs: ReadonlyArray<readonly [string, Run]> = [
    [byThread, signature],
    [atOnce, signatureAtOnce],
    [handMade, byHand],
    [proved, requests(await Effect.runPromise(clientWith(Dpop.generated())))],
    ["a request with a bearer token", requests(await Effect.runPromise(clientWith(undefined)))],
    [other, openidClient],
    ["oauth4webapi, a request with a proof", oauth4webapi]
  ]
  // the compiler takes tens of thousands of requests to finish with them
  await warmUp(runs, 8_000)
  const samples = await interleave(runs, { rounds: 40, millis: 60 })
  const over = (name: string, other: string, measured: (sample: Sample) => number = ({ wall }) => wall) =>
    paired(samples[name] ?? [], samples[other] ?? [], (a, b) => measured(a) / measured(b)).median
  return {
    title: "a proof of possession for each request",
    columns: ["what", "ns on the clock (quartiles)", "CPU ns (quartiles)"],
    rows: runs.map(([name]) => [
      name,
      spread((samples[name] ?? []).map(({ wall }) => wall)),
      spread((samples[name] ?? []).map(({ cpu }) => cpu))
    ]),
    goals: [
      atMost(
        "time of a request with a proof over that of its signature alone, by the Web Cryptography API",
        over(proved, byThread),
        1.3
      )
    ],
    notes: [
      `Node signs by such a key on the calling thread; over that signature alone: ${
        over(proved, atOnce).toFixed(2)
      }. What is more ` +
      "is a fiber, a request with two fields and its answer, whose code a signature has driven from the processor's cache.",
      `A proof of twelve lines by hand, which nothing sends: ${over(handMade, byThread).toFixed(2)} of the signature.`,
      `Of the process' CPU time, over all threads: ${over(proved, byThread, ({ cpu }) => cpu).toFixed(2)}.`,
      `Beside a request by openid-client: ${over(proved, other).toFixed(2)} of its time.`,
      "ES256; the answer comes from memory; one request after another."
    ]
  }
}

const byThread = "the signature alone, by the Web Cryptography API"
const atOnce = "the signature alone, by Node on the calling thread"
const handMade = "a proof by hand, without a request"
const proved = "a request with a proof"
const other = "openid-client, a request with a proof"

const algorithm = { name: "ECDSA", hash: "SHA-256" }
const encoder = new TextEncoder()
const ath = "x".repeat(43)

const base64url = (text: string): string => btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/u, "")

export const run: Effect.Effect<Result> = Effect.promise(measure)
