import * as IbmMq from "@effect-auth/ibm-mq/IbmMq"
import * as AuthTest from "@effect-auth/testing/AuthTest"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { queueManagers } from "./program.ts"

const Mq = AuthTest.authenticated({ mode: "IbmMq/Ltpa", client: IbmMq.Client }, { answers: [{ json: { qmgr: [] } }] })

it.effect("lists the queue managers", () =>
  Effect.gen(function*() {
    assert.deepStrictEqual(yield* queueManagers, { qmgr: [] })
  }).pipe(Effect.provide(Mq)))
