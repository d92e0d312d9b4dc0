import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as Crypto from "node:crypto"
import * as Base from "../../../src/internal/messages/base.ts"
import * as Keys from "../../../src/internal/messages/key.ts"
import * as SigningCredential from "../../../src/SigningCredential.ts"
import * as Rfc from "../../fixtures/rfc9421.ts"

const created = ["created", 1618884473] as const

interface Example {
  readonly name: string
  readonly message: Base.Message
  readonly components: ReadonlyArray<Base.Component>
  readonly stated: Base.Stated
  readonly input: string
  readonly signature: string
  readonly verify: (base: Buffer, signature: Buffer) => boolean
  /** Only those whose signatures are the same each time. */
  readonly key?: readonly ["ed25519" | "hmac-sha256", string]
}

const rsaPss: Example["verify"] = (base, signature) =>
  Crypto.verify("sha512", base, {
    key: Rfc.publicKeys.rsaPss,
    padding: Crypto.constants.RSA_PKCS1_PSS_PADDING,
    saltLength: 64
  }, signature)

const p256: Example["verify"] = (base, signature) =>
  Crypto.verify("sha256", base, { key: Rfc.publicKeys.p256, dsaEncoding: "ieee-p1363" }, signature)

const ed25519: Example["verify"] = (base, signature) => Crypto.verify(null, base, Rfc.publicKeys.ed25519, signature)

const hmac: Example["verify"] = (base, signature) =>
  Crypto.createHmac("sha256", Buffer.from(Rfc.sharedSecret, "base64")).update(base).digest().equals(signature)

const examples: ReadonlyArray<Example> = [
  {
    name: "B.2.1, minimal, rsa-pss-sha512",
    message: Rfc.request,
    components: [],
    stated: [created, ["keyid", "test-key-rsa-pss"], ["nonce", "b3k2pp5k7z-50gnwp.yemd"]],
    input: "();created=1618884473;keyid=\"test-key-rsa-pss\";nonce=\"b3k2pp5k7z-50gnwp.yemd\"",
    signature:
      "d2pmTvmbncD3xQm8E9ZV2828BjQWGgiwAaw5bAkgibUopemLJcWDy/lkbbHAve4cRAtx31Iq786U7it++wgGxbtRxf8Udx7zFZsckzXaJMkA" +
      "7ChG52eSkFxykJeNqsrWH5S+oxNFlD4dzVuwe8DhTSja8xxbR/Z2cOGdCbzR72rgFWhzx2VjBqJzsPLMIQKhO4DGezXehhWwE56YCE+O6c0mKZsf" +
      "xVrogUvA4HELjVKWmAvtl6UnCh8jYzuVG5WSb/QEVPnP5TmcAnLH1g+s++v6d4s8m0gCw1fV5/SITLq9mhho8K3+7EPYTU8IU1bLhdxO5Nyt8C8s" +
      "sinQ98Xw9Q==",
    verify: rsaPss
  },
  {
    name: "B.2.2, selective, rsa-pss-sha512",
    message: Rfc.request,
    components: ["@authority", "content-digest", { name: "@query-param", parameter: "Pet" }],
    stated: [created, ["keyid", "test-key-rsa-pss"], ["tag", "header-example"]],
    input:
      "(\"@authority\" \"content-digest\" \"@query-param\";name=\"Pet\");created=1618884473;keyid=\"test-key-rsa-pss\";" +
      "tag=\"header-example\"",
    signature:
      "LjbtqUbfmvjj5C5kr1Ugj4PmLYvx9wVjZvD9GsTT4F7GrcQEdJzgI9qHxICagShLRiLMlAJjtq6N4CDfKtjvuJyE5qH7KT8UCMkSowOB4+EC" +
      "xCmT8rtAmj/0PIXxi0A0nxKyB09RNrCQibbUjsLS/2YyFYXEu4TRJQzRw1rLEuEfY17SARYhpTlaqwZVtR8NV7+4UKkjqpcAoFqWFQh62s7Cl+H2" +
      "fjBSpqfZUJcsIk4N6wiKYd4je2U/lankenQ99PZfB4jY3I5rSV2DSBVkSFsURIjYErOs0tFTQosMTAoxk//0RoKUqiYY8Bh0aaUEb0rQl3/XaVe4" +
      "bXTugEjHSw==",
    verify: rsaPss
  },
  {
    name: "B.2.3, full, rsa-pss-sha512",
    message: Rfc.request,
    components: [
      "date",
      "@method",
      "@path",
      "@query",
      "@authority",
      "content-type",
      "content-digest",
      "content-length"
    ],
    stated: [created, ["keyid", "test-key-rsa-pss"]],
    input:
      "(\"date\" \"@method\" \"@path\" \"@query\" \"@authority\" \"content-type\" \"content-digest\" \"content-length\")" +
      ";created=1618884473;keyid=\"test-key-rsa-pss\"",
    signature:
      "bbN8oArOxYoyylQQUU6QYwrTuaxLwjAC9fbY2F6SVWvh0yBiMIRGOnMYwZ/5MR6fb0Kh1rIRASVxFkeGt683+qRpRRU5p2voTp768ZrCUb38" +
      "K0fUxN0O0iC59DzYx8DFll5GmydPxSmme9v6ULbMFkl+V5B1TP/yPViV7KsLNmvKiLJH1pFkh/aYA2HXXZzNBXmIkoQoLd7YfW91kE9o/CCoC1xM" +
      "y7JA1ipwvKvfrs65ldmlu9bpG6A9BmzhuzF8Eim5f8ui9eH8LZH896+QIF61ka39VBrohr9iyMUJpvRX2Zbhl5ZJzSRxpJyoEZAFL2FUo5fTIzts" +
      "DZKEgM4cUA==",
    verify: rsaPss
  },
  {
    name: "B.2.4, a response, ecdsa-p256-sha256",
    message: Rfc.response,
    components: ["@status", "content-type", "content-digest", "content-length"],
    stated: [created, ["keyid", "test-key-ecc-p256"]],
    input:
      "(\"@status\" \"content-type\" \"content-digest\" \"content-length\");created=1618884473;keyid=\"test-key-ecc-p256\"",
    signature: "wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgyahnzDnDAUy5eCdlYUEkLIj+32oiasw==",
    verify: p256
  },
  {
    name: "B.2.5, hmac-sha256",
    message: Rfc.request,
    components: ["date", "@authority", "content-type"],
    stated: [created, ["keyid", "test-shared-secret"]],
    input: "(\"date\" \"@authority\" \"content-type\");created=1618884473;keyid=\"test-shared-secret\"",
    signature: "pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=",
    verify: hmac,
    key: ["hmac-sha256", Rfc.sharedSecret]
  },
  {
    name: "B.2.6, ed25519",
    message: Rfc.request,
    components: ["date", "@method", "@path", "@authority", "content-type", "content-length"],
    stated: [created, ["keyid", "test-key-ed25519"]],
    input: "(\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \"content-length\");created=1618884473;" +
      "keyid=\"test-key-ed25519\"",
    signature: "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==",
    verify: ed25519,
    key: ["ed25519", Rfc.ed25519]
  },
  {
    name: "B.3, a proxy, ecdsa-p256-sha256",
    message: Rfc.proxied,
    components: ["@path", "@query", "@method", "@authority", "client-cert"],
    stated: [created, ["keyid", "test-key-ecc-p256"]],
    input:
      "(\"@path\" \"@query\" \"@method\" \"@authority\" \"client-cert\");created=1618884473;keyid=\"test-key-ecc-p256\"",
    signature: "xVMHVpawaAC/0SbHrKRs9i8I3eOs5RtTMGCWXm/9nvZzoHsIg6Mce9315T6xoklyy0yzhD9ah4JHRwMLOgmizw==",
    verify: p256
  },
  {
    name: "B.4, transformed, ed25519",
    message: Rfc.transformed,
    components: ["@method", "@path", "@authority", "accept"],
    stated: [created, ["keyid", "test-key-ed25519"]],
    input: "(\"@method\" \"@path\" \"@authority\" \"accept\");created=1618884473;keyid=\"test-key-ed25519\"",
    signature: "ZT1kooQsEHpZ0I1IjCqtQppOmIqlJPeo7DHR3SoMn0s5JZ1eRGS0A+vyYP9t/LXlh5QMFFQ6cpLt2m0pmj3NDA==",
    verify: ed25519,
    key: ["ed25519", Rfc.ed25519]
  }
]

describe("the examples of RFC 9421 appendix B", () => {
  for (const { components, input, key, message, name, signature, stated, verify } of examples) {
    it(`has the base that ${name} signs`, () => {
      const base = Either.getOrThrow(Base.make(components, stated, message))
      assert.strictEqual(base.input, input)
      assert.isTrue(verify(Buffer.from(base.text), Buffer.from(signature, "base64")))
    })
    if (key !== undefined) {
      it.effect(`has the signature of ${name}, byte for byte`, () =>
        Effect.gen(function*() {
          const [algorithm, text] = key
          const credential = yield* SigningCredential.messageSignature({
            keyId: "k",
            algorithm,
            key: Redacted.make(text)
          })
          const { sign } = yield* Keys.load(credential)
          const base = yield* Base.make(components, stated, message)
          assert.strictEqual(Base.bytesField(yield* sign(new TextEncoder().encode(base.text))), `:${signature}:`)
        }))
    }
  }

  it("has the digests of RFC 9530 and of the RFC's request", () => {
    const body = new TextEncoder().encode(Rfc.body)
    assert.strictEqual(Base.contentDigest(body, "sha-512"), Rfc.request.headers["content-digest"])
    assert.strictEqual(Base.contentDigest(body, "sha-256"), "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:")
  })
})

describe("components", () => {
  const message: Base.Message = {
    method: "GET",
    url: new URL("https://EXAMPLE.com:443/a%20b/\u00e4?q=1&x=a+b%20~*&x2&d=1&d=2#f"),
    headers: {
      dict: " a=1,  b=2;x=1;y=2,   c=(a   b   c), d",
      list: " a;b,   c",
      folded: "one\r\n  two",
      empty: "",
      broken: "\"",
      binary: "\u00e4",
      wide: "\u20ac"
    }
  }
  const table: ReadonlyArray<readonly [Base.Component, line: string | "fails" | "is left out"]> = [
    ["@method", "\"@method\": GET"],
    ["@target-uri", "\"@target-uri\": https://example.com/a%20b/%C3%A4?q=1&x=a+b%20~*&x2&d=1&d=2"],
    ["@authority", "\"@authority\": example.com"],
    ["@scheme", "\"@scheme\": https"],
    ["@request-target", "\"@request-target\": /a%20b/%C3%A4?q=1&x=a+b%20~*&x2&d=1&d=2"],
    ["@path", "\"@path\": /a%20b/%C3%A4"],
    [{ name: "@query-param", parameter: "x" }, "\"@query-param\";name=\"x\": a%20b%20%7E*"],
    [{ name: "@query-param", parameter: "x2" }, "\"@query-param\";name=\"x2\": "],
    [{ name: "@query-param", parameter: "d" }, "fails"],
    [{ name: "@query-param", parameter: "none" }, "fails"],
    [{ name: "@query-param", parameter: "none", ifPresent: true }, "is left out"],
    ["@query-param", "fails"],
    ["@status", "fails"],
    ["@unknown", "fails"],
    ["missing", "fails"],
    [{ name: "missing", ifPresent: true }, "is left out"],
    ["folded", "\"folded\": one two"],
    ["empty", "\"empty\": "],
    // RFC 9421 sections 2.1.1 to 2.1.3
    ["dict", "\"dict\": a=1,  b=2;x=1;y=2,   c=(a   b   c), d"],
    [{ name: "dict", sf: true }, "\"dict\";sf: a=1, b=2;x=1;y=2, c=(a b c), d"],
    [{ name: "list", sf: true }, "\"list\";sf: a;b, c"],
    [{ name: "dict", key: "a" }, "\"dict\";key=\"a\": 1"],
    [{ name: "dict", key: "d" }, "\"dict\";key=\"d\": ?1"],
    [{ name: "dict", key: "b" }, "\"dict\";key=\"b\": 2;x=1;y=2"],
    [{ name: "dict", key: "c" }, "\"dict\";key=\"c\": (a b c)"],
    [{ name: "dict", key: "none" }, "fails"],
    [{ name: "broken", sf: true }, "fails"],
    [{ name: "binary", bs: true }, "\"binary\";bs: :5A==:"],
    // the base is ASCII (section 2.5), and a field is sent byte by byte
    ["binary", "fails"],
    [{ name: "wide", bs: true }, "fails"]
  ]
  for (const [component, expected] of table) {
    it(`${JSON.stringify(component)} ${expected}`, () => {
      const base = Base.make([component], [], message)
      const line = Either.isLeft(base) ? "fails" : base.right.text.split("\n").slice(0, -1).join("\n") || "is left out"
      assert.strictEqual(line, expected)
    })
  }

  it("are not named twice", () => {
    assert.isTrue(Either.isLeft(Base.make(["@method", "@method"], [], message)))
    assert.isTrue(Either.isRight(Base.make([{ name: "dict", key: "a" }, { name: "dict", key: "b" }], [], message)))
  })
})
