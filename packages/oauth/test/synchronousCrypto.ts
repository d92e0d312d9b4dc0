import { createHash, KeyObject, sign } from "node:crypto"
import { beforeAll, vi } from "vitest"

/**
 * Hashes and signatures of the tests of one file without a thread of their own, which a virtual clock does not wait for.
 * A call in each file: vitest restores what was replaced after each, and loads a module once for all of them.
 */
export const synchronousCrypto = (): void =>
  beforeAll(() => {
    vi.spyOn(globalThis.crypto.subtle, "digest").mockImplementation((_, data) => {
      const bytes = createHash("sha256").update(data instanceof Uint8Array ? data : new Uint8Array()).digest()
      return Promise.resolve(new Uint8Array(bytes).buffer)
    })
    vi.spyOn(globalThis.crypto.subtle, "sign").mockImplementation((_, key, data) => {
      const bytes = sign("sha256", data instanceof Uint8Array ? data : new Uint8Array(), {
        key: KeyObject.from(key),
        dsaEncoding: "ieee-p1363"
      })
      return Promise.resolve(new Uint8Array(bytes).buffer)
    })
  })
