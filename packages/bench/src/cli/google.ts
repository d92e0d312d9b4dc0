/** With google-auth-library, which leaves the file to its user. */
import { OAuth2Client } from "google-auth-library"
import { readFile } from "node:fs/promises"
import type { Session } from "./settings.ts"
import { origin, session } from "./settings.ts"

const client = new OAuth2Client({ clientId: "bench", clientSecret: "canary-secret" })
const { access_token, expires_at, refresh_token } = JSON.parse(await readFile(session, "utf8")) as Session
client.setCredentials({ access_token, refresh_token, expiry_date: expires_at })
const response = await client.request({ url: `${origin}/things/1`, responseType: "text" })
process.stdout.write(String(response.data))
