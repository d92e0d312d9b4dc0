/**
 * Who does Yamcs take me for, by my Kerberos ticket? The program holds no secret, and a ticket that expires is no end of it:
 * the next request after `kinit` succeeds. Unattended it takes a keytab instead.
 *
 *     npm install kerberos@7
 *     kinit && YAMCS_URL=https://yamcs.example tsx examples/src/yamcs-kerberos.ts
 *     KRB5_CLIENT_KTNAME=FILE:robot.keytab KRB5CCNAME=MEMORY:robot YAMCS_URL=... tsx examples/src/yamcs-kerberos.ts
 */
import * as Kerberos from "@effect-auth/node/Kerberos"
import * as Yamcs from "@effect-auth/yamcs/Yamcs"
import * as YamcsCredential from "@effect-auth/yamcs/YamcsCredential"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { runMain } from "./runMain.ts"

const Ops = Yamcs.layerSpnegoConfig({
  baseUrl: Config.string("YAMCS_URL"),
  credential: YamcsCredential.spnegoConfig("YAMCS") // YAMCS_SERVICE and YAMCS_PRINCIPAL, if they are set
})

const program = Effect.flatMap(Yamcs.user, ({ name }) => Console.log(name)).pipe(
  Effect.catchTag("CredentialUnavailable", ({ code, problem }) => Console.error(`${code}: ${problem}`))
)

program.pipe(
  Effect.provide(Ops),
  Effect.provide(Kerberos.layer),
  Effect.provide(NodeHttpClient.layerUndici),
  runMain
)
