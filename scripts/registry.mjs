/**
 * A registry on loopback that has the packages of this workspace and no others: a project whose `.npmrc` names it for
 * `@effect-auth` installs them as if they were published, and everything else from where it always does.
 */
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { createServer } from "node:http"

/**
 * @param {ReadonlyArray<{ readonly manifest: Record<string, any>; readonly path: string }>} tarballs
 * @returns {Promise<{ readonly url: string; readonly close: () => Promise<void> }>} The URL ends with a slash.
 */
export const serve = async (tarballs) => {
  const published = new Map(
    tarballs.map(({ manifest, path }) => [manifest.name, { manifest, data: readFileSync(path) }])
  )
  const server = createServer(({ method, url }, response) => {
    const [, name, file] = /^\/(@[^/]+\/[^/]+)(\/-\/[^/]+)?$/.exec(decodeURIComponent(url)) ?? []
    const found = method === "GET" ? published.get(name) : undefined
    if (found === undefined) {
      response.writeHead(404, { "content-type": "application/json" }).end("{\"error\":\"not found\"}")
    } else if (file === undefined) {
      response.writeHead(200, { "content-type": "application/json" }).end(
        JSON.stringify(packument(base(server), found))
      )
    } else {
      response.writeHead(200, { "content-type": "application/octet-stream" }).end(found.data)
    }
  })
  await new Promise((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve))
  return {
    url: base(server),
    close: () =>
      new Promise((resolve) => {
        server.close(resolve)
        server.closeAllConnections()
      })
  }
}

const base = (server) => `http://127.0.0.1:${server.address().port}/`

const packument = (base, { data, manifest }) => {
  const digest = (algorithm, encoding) => createHash(algorithm).update(data).digest(encoding)
  const { name, version } = manifest
  return {
    name,
    "dist-tags": { latest: version },
    time: { [version]: "2026-01-01T00:00:00.000Z" },
    versions: {
      [version]: {
        ...manifest,
        _id: `${name}@${version}`,
        dist: {
          tarball: `${base}${name}/-/${name.split("/")[1]}-${version}.tgz`,
          shasum: digest("sha1", "hex"),
          integrity: `sha512-${digest("sha512", "base64")}`
        }
      }
    }
  }
}
