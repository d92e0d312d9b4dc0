import { createHash } from "node:crypto"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { serve } from "../registry.mjs"

describe("the registry", () => {
  const folder = mkdtempSync(join(tmpdir(), "registry-"))
  let registry = undefined
  beforeAll(async () => {
    const path = join(folder, "a.tgz")
    writeFileSync(path, "a tarball")
    registry = await serve([{
      manifest: { name: "@planted/a", version: "1.2.3", peerDependencies: { effect: "3" } },
      path
    }])
  })
  afterAll(async () => {
    await registry.close()
    rmSync(folder, { recursive: true })
  })

  it.each(["@planted/a", "@planted%2fa"])("says what there is of %s, and where", async (name) => {
    const { "dist-tags": tags, versions } = await (await fetch(registry.url + name)).json()
    expect(tags).toEqual({ latest: "1.2.3" })
    const { dist, peerDependencies } = versions["1.2.3"]
    expect(peerDependencies).toEqual({ effect: "3" })
    const tarball = Buffer.from(await (await fetch(dist.tarball)).arrayBuffer())
    expect(tarball.toString()).toBe("a tarball")
    expect(dist.integrity).toBe(`sha512-${createHash("sha512").update(tarball).digest("base64")}`)
  })

  it("has nothing else, and takes nothing", async () => {
    expect((await fetch(`${registry.url}@planted/b`)).status).toBe(404)
    expect((await fetch(`${registry.url}effect`)).status).toBe(404)
    expect((await fetch(`${registry.url}@planted/a`, { method: "PUT" })).status).toBe(404)
  })
})
