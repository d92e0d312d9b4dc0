/** With MSAL, whose cache is the file. The call is made by fetch. */
import { ConfidentialClientApplication } from "@azure/msal-node"
import { readFile, writeFile } from "node:fs/promises"
import { directory, origin } from "./settings.ts"

const authority = "https://login.microsoftonline.com/bench"
const file = `${directory}/msal.json`
/** Of the first run, whose token is stored. */
const send = () =>
  Promise.resolve({
    status: 200,
    headers: {},
    body: { access_token: "canary-token", token_type: "Bearer", expires_in: 36_000 } as never
  })
const application = new ConfidentialClientApplication({
  auth: {
    clientId: "bench",
    clientSecret: "canary-secret",
    authority,
    authorityMetadata: JSON.stringify({
      issuer: `${authority}/v2.0`,
      authorization_endpoint: `${authority}/oauth2/v2.0/authorize`,
      token_endpoint: `${authority}/oauth2/v2.0/token`,
      jwks_uri: `${authority}/discovery/v2.0/keys`
    })
  },
  cache: {
    cachePlugin: {
      beforeCacheAccess: async (context) =>
        context.tokenCache.deserialize(await readFile(file, "utf8").catch(() => "")),
      afterCacheAccess: async (context) => {
        if (context.cacheHasChanged) await writeFile(file, context.tokenCache.serialize())
      }
    }
  },
  system: { networkClient: { sendGetRequestAsync: send, sendPostRequestAsync: send } }
})
const result = await application.acquireTokenByClientCredential({ scopes: ["https://api.bench.test/.default"] })
const response = await fetch(`${origin}/things/1`, {
  headers: { authorization: `Bearer ${result?.accessToken ?? ""}` }
})
process.stdout.write(await response.text())
