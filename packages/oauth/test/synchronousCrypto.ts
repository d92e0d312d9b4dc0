/** Hashes and signatures without a thread of their own, which a virtual clock does not wait for. */
import { createHash, KeyObject, sign } from "node:crypto"
import { vi } from "vitest"

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
