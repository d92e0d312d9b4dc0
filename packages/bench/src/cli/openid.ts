/** With openid-client, which leaves the file to its user. */
import { readFile } from "node:fs/promises"
import * as openid from "openid-client"
import type { Session } from "./settings.ts"
import { origin, session } from "./settings.ts"

const config = new openid.Configuration({ issuer: origin, token_endpoint: `${origin}/token` }, "bench", "canary-secret")
openid.allowInsecureRequests(config)
let stored = JSON.parse(await readFile(session, "utf8")) as Session
if (Date.now() >= stored.expires_at) {
  const renewed = await openid.refreshTokenGrant(config, stored.refresh_token)
  stored = { ...stored, access_token: renewed.access_token }
}
const url = new URL(`${origin}/things/1`)
const response = await openid.fetchProtectedResource(config, stored.access_token, url, "GET")
process.stdout.write(await response.text())
