import * as Challenge from "@effect-auth/core/Challenge"
import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Algorithms from "../../../src/internal/digest/algorithm.ts"
import * as Answer from "../../../src/internal/digest/answer.ts"
import * as Offer from "../../../src/internal/digest/offer.ts"

const rules: Offer.Rules = { algorithms: Algorithms.all, protections: ["auth", "auth-int", undefined] }

const answerTo = (
  challenge: string,
  known: Answer.Known,
  { body, cnonce, ...target }: Pick<Answer.Target, "method" | "uri"> & {
    readonly cnonce: string
    readonly body?: string
  },
  overrides: Partial<Offer.Rules> = {}
) => {
  const offer = Either.getOrThrow(Offer.choose(Challenge.parse(challenge), { ...rules, ...overrides }))
  const use: Answer.Use = { offer, nonce: offer.nonce, count: 1, cnonce, session: { nonce: offer.nonce, cnonce } }
  return {
    use,
    fields: Challenge.parse(
      Either.getOrThrow(Answer.authorization(known, use, { ...target, body: new TextEncoder().encode(body ?? "") }))
    )[0]?.params ?? {}
  }
}

describe("the answers of the specifications", () => {
  const mufasa = { username: "Mufasa", password: "Circle of Life" }

  it("is that of RFC 2617 section 3.5", () => {
    const { fields } = answerTo(
      `Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", ` +
        `opaque="5ccc069c403ebaf9f0171e9517f40e41"`,
      { username: "Mufasa", password: "Circle Of Life" },
      { method: "GET", uri: "/dir/index.html", cnonce: "0a4f113b" }
    )
    assert.strictEqual(fields["response"], "6629fae49393a05397450978507c4ef1")
    assert.strictEqual(fields["opaque"], "5ccc069c403ebaf9f0171e9517f40e41")
  })

  it("is that of RFC 2069 section 2.4, as its errata correct it", () => {
    const { fields } = answerTo(
      `Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", ` +
        `opaque="5ccc069c403ebaf9f0171e9517f40e41"`,
      { username: "Mufasa", password: "CircleOfLife" },
      { method: "GET", uri: "/dir/index.html", cnonce: "none" }
    )
    assert.strictEqual(fields["response"], "1949323746fe6a43ef61f9606e7febea")
    assert.isUndefined(fields["nc"])
  })

  const challenge = (algorithm: string) =>
    `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=${algorithm}, ` +
    `nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`

  for (
    const [algorithm, response] of [
      ["MD5", "8ca523f5e9506fed4657c9700eebdbec"],
      ["SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"]
    ] as const
  ) {
    it(`is that of RFC 7616 section 3.9.1 for ${algorithm}`, () => {
      const { fields } = answerTo(challenge(algorithm), mufasa, {
        method: "GET",
        uri: "/dir/index.html",
        cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
      })
      assert.deepStrictEqual(fields, {
        username: "Mufasa",
        realm: "http-auth@example.org",
        uri: "/dir/index.html",
        algorithm,
        nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        nc: "00000001",
        cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        qop: "auth",
        response,
        opaque: "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
      })
    })
  }

  it("is that of RFC 7616 section 3.9.2 with SHA-512/256 (erratum 4897: the text has a truncated SHA-512)", () => {
    const { fields } = answerTo(
      `Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256, ` +
        `nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", opaque="HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS", ` +
        `charset=UTF-8, userhash=true`,
      { username: "J\u00e4s\u00f8n Doe", password: "Secret, or not?" },
      { method: "GET", uri: "/doe.json", cnonce: "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v" }
    )
    assert.strictEqual(fields["username"], "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b")
    assert.strictEqual(fields["response"], "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5")
    assert.strictEqual(fields["userhash"], "true")
  })

  it("covers the body with auth-int", () => {
    const answered = (body: string) =>
      answerTo(
        challenge("MD5"),
        mufasa,
        { method: "POST", uri: "/", cnonce: "c", body },
        { protections: ["auth-int"] }
      ).fields["response"]
    assert.notStrictEqual(answered("a"), answered("b"))
  })
})
