import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import * as Canonical from "../../../src/internal/sigv4/canonical.ts"
import * as Signature from "../../../src/internal/sigv4/signature.ts"

/**
 * The signing test suite of AWS: https://github.com/awslabs/aws-c-auth/tree/main/tests/aws-signing-test-suite/v4, at commit
 * 495329c2433034bd8fd53fc6ba9e0202d3fac876 (Apache License 2.0). All of its cases, with the region, service, key and time
 * that they have in common.
 */
interface Vector {
  readonly name: string
  readonly normalize: boolean
  readonly signBody: boolean
  readonly request: string
  readonly token?: string
  readonly tokenUnsigned?: boolean
  readonly canonical: string
  readonly signature: string
  readonly queryCanonical: string
  readonly querySignature: string
}

const vectors: ReadonlyArray<Vector> = JSON.parse(
  readFileSync(new URL("../../fixtures/aws-signing-test-suite.json", import.meta.url), "utf8")
)

/** The key that AWS publishes in its documentation. */
const published = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" }

const time = "20150830T123600Z"

const parsed = ({ request, signBody }: Vector): Signature.Message => {
  const [head = "", body = ""] = request.split(/\n\n([^]*)/u)
  const [line = "", ...fields] = head.replace(/\n[ \t]+/gu, " ").split("\n")
  const [, method = "", target = ""] = /^(\S+) (.*) HTTP\/1.1$/u.exec(line) ?? []
  const [path = "", query = ""] = target.split(/\?([^]*)/u)
  const headers = new Map<string, string>()
  for (const field of fields) {
    const [name = "", value = ""] = field.split(/:([^]*)/u)
    const known = headers.get(name.toLowerCase())
    headers.set(name.toLowerCase(), known === undefined ? value.trim() : `${known},${value.trim()}`)
  }
  return {
    method,
    path,
    query,
    headers: Object.fromEntries(headers),
    payload: signBody ? Signature.hashOf(new TextEncoder().encode(body)) : Signature.emptyHash
  }
}

describe("the signing test suite of AWS", () => {
  it("is complete", () => assert.strictEqual(vectors.length, 38))

  for (const vector of vectors) {
    const keys = { ...published, sessionToken: vector.token }
    const target = {
      region: "us-east-1",
      service: "service",
      paths: { normalize: vector.normalize, encodeTwice: true }
    }
    it(`has the canonical request and the signature of ${vector.name}`, () => {
      const { canonical, signature } = Signature.sign(parsed(vector), keys, target, {
        time,
        statesPayload: vector.signBody,
        tokenUnsigned: vector.tokenUnsigned
      })
      assert.strictEqual(canonical, vector.canonical)
      assert.strictEqual(signature, vector.signature)
    })

    it(`has the signature of ${vector.name} in a URL`, () => {
      const query = Signature.presign(parsed(vector), keys, target, {
        time,
        seconds: 3600,
        tokenUnsigned: vector.tokenUnsigned
      })
      assert.strictEqual(/X-Amz-Signature=(\w+)$/u.exec(query)?.[1], vector.querySignature)
    })
  }
})

describe("the examples of S3", () => {
  const keys = {
    accessKeyId: "AKIAIOSFODNN7EXAMPLE",
    secretAccessKey: published.secretAccessKey.replace("+", "/"),
    sessionToken: undefined
  }
  const target = { region: "us-east-1", service: "s3", paths: Canonical.s3Paths }
  const time = "20130524T000000Z"
  const host = "examplebucket.s3.amazonaws.com"

  it("has the signature of GET Object (Signature Calculations for the Authorization Header)", () => {
    const { signature } = Signature.sign(
      {
        method: "GET",
        path: "/test.txt",
        query: "",
        headers: { host, range: "bytes=0-9" },
        payload: Signature.emptyHash
      },
      keys,
      target,
      { time, statesPayload: true }
    )
    assert.strictEqual(signature, "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")
  })

  it("has the signature of PUT Object, whose key has a $ that is sent as it is", () => {
    const { signature } = Signature.sign(
      {
        method: "PUT",
        path: "/test$file.text",
        query: "",
        headers: { host, date: "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY" },
        payload: Signature.hashOf(new TextEncoder().encode("Welcome to Amazon S3."))
      },
      keys,
      target,
      { time, statesPayload: true }
    )
    assert.strictEqual(signature, "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd")
  })

  it("has the signature of a URL (Authenticating Requests: Using Query Parameters)", () => {
    const query = Signature.presign(
      { method: "GET", path: "/test.txt", query: "", headers: { host }, payload: "UNSIGNED-PAYLOAD" },
      keys,
      target,
      { time, seconds: 86400 }
    )
    assert.match(query, /X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404$/u)
  })

  it("has the signatures of the chunks of a stream (Transferring Payload in Multiple Chunks)", () => {
    const seed = Signature.sign(
      {
        method: "PUT",
        path: "/examplebucket/chunkObject.txt",
        query: "",
        headers: {
          host: "s3.amazonaws.com",
          "x-amz-storage-class": "REDUCED_REDUNDANCY",
          "content-encoding": "aws-chunked",
          "x-amz-decoded-content-length": "66560",
          "content-length": "66824"
        },
        payload: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
      },
      keys,
      target,
      { time, statesPayload: true }
    )
    assert.strictEqual(seed.signature, "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9")
    const signatures = [65536, 1024, 0].reduce<ReadonlyArray<string>>(
      (signatures, size) => [
        ...signatures,
        Signature.signChunk(
          { hash: Signature.hashOf(new Uint8Array(size).fill(97)), previous: signatures.at(-1) ?? "" },
          keys,
          target,
          time,
          Signature.deriveKey
        )
      ],
      [seed.signature]
    )
    assert.deepStrictEqual(signatures.slice(1), [
      "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
      "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
      "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"
    ])
  })
})

describe("the canonical path", () => {
  const table: ReadonlyArray<readonly [sent: string, standard: string, s3: string]> = [
    ["/", "/", "/"],
    ["/a%20b", "/a%2520b", "/a%20b"],
    ["/a:b(c)", "/a%3Ab%28c%29", "/a%3Ab%28c%29"],
    ["/%C3%A4/%FF", "/%25C3%25A4/%25FF", "/%C3%A4/%FF"],
    ["/a//b/./c/../d", "/a/b/d", "/a//b/./c/../d"],
    ["/a%2Fb", "/a%252Fb", "/a/b"],
    ["/100%", "/100%25", "/100%25"]
  ]
  for (const [sent, standard, s3] of table) {
    it(`of ${sent} is ${standard}, and ${s3} for S3`, () => {
      assert.strictEqual(Canonical.path(sent, Canonical.standardPaths), standard)
      assert.strictEqual(Canonical.path(sent, Canonical.s3Paths), s3)
    })
  }
})

describe("the canonical query", () => {
  const table: ReadonlyArray<readonly [sent: string, canonical: string]> = [
    ["", ""],
    ["a", "a="],
    ["b=2&a=1&a=0", "a=0&a=1&b=2"],
    ["a=b+c", "a=b%20c"],
    ["a=b%2Bc", "a=b%2Bc"],
    ["a=%ff&&z==", "a=%FF&z=%3D"],
    ["%C3%A4=1&a%2Fb=(2)", "%C3%A4=1&a%2Fb=%282%29"]
  ]
  for (const [sent, canonical] of table) {
    it(`of ?${sent} is ${canonical}`, () => assert.strictEqual(Canonical.query(sent), canonical))
  }
})
