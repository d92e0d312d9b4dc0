/** Every mode of IBM MQ, for the leak suite: with the right secret and with a wrong one. */
import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as FakeMqweb from "@effect-auth/testing/FakeMqweb"
import * as LeakDetector from "@effect-auth/testing/LeakDetector"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as IbmMq from "../src/IbmMq.ts"

export const secrets = {
  password: FakeMqweb.canaries.reader.password,
  wrong: "canary-wrong-secret",
  // how the value of every LTPA cookie of the server begins
  cookie: Encoding.encodeBase64("canary-token-mq")
}

/** The second try of a login comes at once: over sockets, time is real. */
const refreshPolicy = RefreshPolicy.default.pipe(RefreshPolicy.retry(Schedule.recurs(1)))

const layers = { Basic: IbmMq.layerBasic, Ltpa: IbmMq.layerLtpa }

const modesWith = (given: "password" | "wrong") =>
  Object.fromEntries(
    (["presence", "echo"] as const).flatMap((csrf) =>
      Object.entries(layers).map(([name, layer]) => [
        `IbmMq/${name} with ${given === "wrong" ? "a wrong" : "the right"} password and CSRF by ${csrf}`,
        LeakDetector.modeWith(FakeMqweb.layer({ csrf }), {
          secrets,
          baseUrl: "https://mq.example:9443/ibmmq/rest/v3",
          path: "/admin/qmgr",
          ...(name === "Ltpa" ? { login: "POST /ibmmq/rest/v3/login" } : undefined),
          ...(given === "wrong" ? { mayEndWith: ["CredentialsRejected"] } : undefined),
          client: (setup) =>
            layer({
              ...setup,
              refreshPolicy,
              credential: { username: "reader", password: Redacted.make(secrets[given]) }
            }),
          scenarios: {
            "the keys are swapped, the server restarts and fails": (http) =>
              Effect.gen(function*() {
                const server = yield* FakeMqweb.FakeMqweb
                const call = Effect.exit(http.get("/admin/qmgr"))
                const before = yield* call
                yield* server.revokeAll
                const swapped = yield* call
                yield* server.restart
                const restarted = yield* call
                yield* server.failNext(1, 503)
                return [before, swapped, restarted, yield* call]
              })
          }
        })
      ])
    )
  )

export const modes = modesWith("password")
export const wrongModes = modesWith("wrong")
