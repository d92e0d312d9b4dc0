/** With the middleware of the Model Context Protocol's SDK, whose provider reads the file. */
import { withOAuth } from "@modelcontextprotocol/sdk/client/middleware.js"
import { readFile } from "node:fs/promises"
import type { Session } from "./settings.ts"
import { origin, session } from "./settings.ts"

const client = withOAuth({
  redirectUrl: undefined,
  clientMetadata: { redirect_uris: [] },
  clientInformation: () => ({ client_id: "bench" }),
  tokens: async () => {
    const { access_token } = JSON.parse(await readFile(session, "utf8")) as Session
    return { access_token, token_type: "Bearer" }
  },
  saveTokens: () => {},
  redirectToAuthorization: () => {},
  saveCodeVerifier: () => {},
  codeVerifier: () => ""
}, origin)(fetch)
const response = await client(`${origin}/things/1`)
process.stdout.write(await response.text())
