/**
 * The exchange of quotas over Redis: one script for a report and its reply, one channel for each key on which those are named
 * that are to report at once.
 */
import type { Exchange } from "@effect-auth/rate-limit/SharedRateLimiter"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Service } from "../RedisClient.ts"
import { exchange } from "./quotaScript.ts"

/** `place`: what the keys of the quotas begin with. */
export const make = (client: Service, place: string): Exchange => {
  // the braces make one slot of a cluster of each key, so that they spread over it
  const keyOf = (key: string) => `${place}:{${key}}`
  return {
    report: (key, report) =>
      Effect.flatMap(
        client.run(exchange, [`${keyOf(key)}:quota`], [JSON.stringify(report), `${keyOf(key)}:news`]),
        Schema.decodeUnknown(Reply)
      ),
    news: (key) =>
      Stream.map(client.subscribe(`${keyOf(key)}:news`), (signal) =>
        // messages may have been missed, and what the store had may be lost
        signal._tag === "Subscribed" ? ["*"] : signal.text.split(" "))
  }
}

/** An empty list of Lua is an empty object in JSON. */
const listOf = <A, I>(item: Schema.Schema<A, I>) =>
  Schema.transform(
    Schema.Union(Schema.Array(item), Schema.Struct({})),
    Schema.Array(Schema.typeSchema(item)),
    {
      strict: true,
      decode: (list) => Array.isArray(list) ? list : [],
      encode: (list) => list
    }
  )

const Flag = Schema.Literal(0, 1)

/** What the script answers. */
export const Reply = Schema.parseJson(Schema.Struct({
  now: Schema.Int,
  epoch: Schema.Int,
  members: Schema.Int,
  claims: Flag,
  mode: Schema.Literal("wait", "probe", "open"),
  blocked: Schema.Int,
  again: Flag,
  more: Schema.Int,
  quotas: listOf(Schema.Struct({
    name: Schema.String,
    kind: Schema.Literal("slots", "sliding", "fixed", "unknown"),
    limit: Schema.Int,
    window: Schema.Int,
    end: Schema.Int,
    begin: Schema.Int,
    countedFrom: Schema.Int,
    others: Schema.Int,
    out: Schema.Record({ key: Schema.String, value: Schema.Int }),
    share: Schema.Int
  }))
}))
