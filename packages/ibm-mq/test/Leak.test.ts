import * as FakeMqweb from "@effect-auth/testing/FakeMqweb"
import * as LeakDetector from "@effect-auth/testing/LeakDetector"
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"
import * as IbmMq from "../src/IbmMq.ts"

const secrets = {
  password: FakeMqweb.defaultUsers.reader.password,
  wrong: "canary-wrong-secret",
  // how the value of every LTPA cookie of the server begins
  cookie: Encoding.encodeBase64("canary-token-mq")
}

const layers = { Basic: IbmMq.layerBasic, Ltpa: IbmMq.layerLtpa }

const modes = Object.fromEntries(
  (["presence", "echo"] as const).flatMap((csrf) =>
    (["password", "wrong"] as const).flatMap((given) =>
      Object.entries(layers).map(([name, layer]) => [
        `IbmMq/${name} with ${given === "wrong" ? "a wrong" : "the right"} password and CSRF by ${csrf}`,
        LeakDetector.modeWith(FakeMqweb.layer({ csrf }), {
          secrets,
          baseUrl: "https://mq.example:9443/ibmmq/rest/v3",
          path: "/admin/qmgr",
          ...(given === "wrong" ? { mayEndWith: ["CredentialsRejected"] } : undefined),
          client: (setup) =>
            layer({ ...setup, credential: { username: "reader", password: Redacted.make(secrets[given]) } }),
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
)

describe("No secret of IBM MQ is in a log, span, event, error or result", () => {
  for (const { effect, name } of LeakDetector.suite(modes, { render: [inspect] })) it.live(name, () => effect)
})
