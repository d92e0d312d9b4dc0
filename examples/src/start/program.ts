import * as IbmMq from "@effect-auth/ibm-mq/IbmMq"
import { Effect } from "effect"

export const queueManagers = Effect.gen(function*() {
  const http = yield* IbmMq.Client
  const response = yield* http.get("/admin/qmgr") // below the base URL
  return yield* response.json
})
