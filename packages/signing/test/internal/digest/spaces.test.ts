import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as HashMap from "effect/HashMap"
import type { Offer } from "../../../src/internal/digest/offer.ts"
import * as Spaces from "../../../src/internal/digest/spaces.ts"

const at = (origin: string): Spaces.Location => ({ origin, href: `${origin}/` })

const offerOf = (realm: string, nonce: string): Offer => ({
  realm,
  nonce,
  algorithm: "MD5",
  algorithmName: "MD5",
  session: false,
  protection: "auth",
  opaque: undefined,
  stale: false,
  userhash: false,
  utf8: false,
  domain: []
})

const name = (prefix: string) => fc.nat({ max: 3 }).map((index) => `${prefix}${index}`)

const origin = fc.constantFrom("https://one.example", "https://two.example")

const step = fc.oneof(
  fc.record({ step: fc.constant("challenge" as const), origin, realm: name("realm"), nonce: name("nonce") }),
  fc.record({ step: fc.constant("request" as const), origin }),
  // the answer to one of the requests before it
  fc.record({ step: fc.constant("answer" as const), to: fc.nat({ max: 20 }), next: fc.option(name("nonce")) })
)

describe("the protection spaces of a client", () => {
  it("use no count of a nonce twice and leave none out, whatever challenges and answers come in whatever order", () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const sent: Array<
        { readonly origin: string; readonly realm: string; readonly nonce: string; readonly count: number }
      > = []
      let spaces = Spaces.none
      for (const step of steps) {
        if (step.step === "challenge") {
          spaces = Spaces.learn(spaces, offerOf(step.realm, step.nonce), at(step.origin))
        } else if (step.step === "request") {
          const space = Spaces.find(spaces, at(step.origin))
          if (space === undefined) continue
          const [use, after] = Spaces.use(spaces, space, "cnonce")
          spaces = after
          sent.push({ origin: step.origin, realm: use.offer.realm, nonce: use.nonce, count: use.count })
        } else {
          const answered = sent[step.to]
          if (answered !== undefined) spaces = Spaces.accepted(spaces, answered, step.next ?? undefined)
        }
      }
      const counts = new Map<string, number>()
      for (const { count, nonce, origin } of sent) {
        const before = counts.get(`${origin} ${nonce}`) ?? 0
        assert.strictEqual(count, before + 1)
        counts.set(`${origin} ${nonce}`, count)
      }
    }))
  })

  const { origin } = at("https://one.example")

  /** The next use of a realm's nonce. */
  const next = (spaces: Spaces.Spaces, realm: string, cnonce = "cnonce") => {
    const space = spaces.spaces.find(({ offer }) => offer.realm === realm)
    assert.isDefined(space)
    return space === undefined ? assert.fail("not learned") : Spaces.use(spaces, space, cnonce)
  }

  it("keep a bounded number of nonces, the ones in use among them, however long ago they were used", () => {
    let [, spaces] = next(Spaces.learn(Spaces.none, offerOf("first", "lasting"), at(origin)), "first")
    for (let index = 0; index < 1100; index++) {
      spaces = next(Spaces.learn(spaces, offerOf("second", `passing-${index}`), at(origin)), "second")[1]
    }
    assert.isAtMost(HashMap.size(spaces.used), 1024)
    assert.strictEqual(next(spaces, "first")[0].count, 2)
  })

  it("keep the key of a session as long as a challenge repeats its nonce (RFC 7616 section 3.4.2)", () => {
    const challenged = (spaces: Spaces.Spaces, nonce: string) =>
      Spaces.learn(spaces, { ...offerOf("realm", nonce), session: true }, at(origin))
    const [first, once] = next(challenged(Spaces.none, "a"), "realm", "one")
    const [second, twice] = next(challenged(once, "a"), "realm", "two")
    const [third] = next(challenged(twice, "b"), "realm", "three")
    assert.deepStrictEqual(first.session, { nonce: "a", cnonce: "one" })
    assert.deepStrictEqual([second.session, second.cnonce, second.count], [first.session, "one", 2])
    assert.deepStrictEqual(third.session, { nonce: "b", cnonce: "three" })
  })
})
