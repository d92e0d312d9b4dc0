/** The texts that `docs/compile-errors.md` shows. Each comment is the last line of an error, as TypeScript prints it. */
import * as IbmMq from "@effect-auth/ibm-mq/IbmMq"
import * as Yamcs from "@effect-auth/yamcs/Yamcs"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { describe, it } from "tstyche"

declare const decoded: string
declare const Mq: Layer.Layer<IbmMq.Client>

describe("A name that is no mode of the system", () => {
  it("is refused with the names of the modes", () => {
    // @ts-expect-error Argument of type '"Yamcs/Pasword"' is not assignable to parameter of type '"Yamcs/
    Yamcs.require("Yamcs/Pasword")
    // @ts-expect-error Argument of type '"Qualys/Jwt"' is not assignable to parameter of type '"Yamcs/
    Yamcs.require("Qualys/Jwt")
    // @ts-expect-error Argument of type 'string' is not assignable to parameter of type '"Yamcs/
    Yamcs.require(decoded)
    // @ts-expect-error Argument of type '"Yamcs/Basic"' is not assignable to parameter of type '"IbmMq/
    IbmMq.require("Yamcs/Basic")
  })
})

describe("A system that is missing", () => {
  it("is named", () => {
    // @ts-expect-error Type 'YamcsClient' is not assignable to type 'never'.
    Effect.runPromise(Effect.provide(Yamcs.user, Mq))
  })
})
