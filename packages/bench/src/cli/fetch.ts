/** By hand on fetch: the least that it can take. */
import { readFile } from "node:fs/promises"
import type { Session } from "./settings.ts"
import { origin, session } from "./settings.ts"

const { access_token, expires_at } = JSON.parse(await readFile(session, "utf8")) as Session
if (Date.now() >= expires_at) throw new Error("expired")
const response = await fetch(`${origin}/things/1`, { headers: { authorization: `Bearer ${access_token}` } })
process.stdout.write(await response.text())
