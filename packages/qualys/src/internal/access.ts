/** Layers of the evidence of access. */
import type { InvalidSetting } from "@effect-auth/core/AuthError"
import type * as Context from "effect/Context"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type * as Platform from "../Platform.ts"

/** What stands behind the evidence; `QualysAccess` re-exports it. */
export interface Access {
  readonly mode: string
  readonly hosts: Platform.Hosts
}

export const layer = <Self>(
  tag: Context.Tag<Self, Access>,
  mode: string,
  located: Either.Either<{ readonly hosts: Platform.Hosts }, InvalidSetting>
): Layer.Layer<Self, InvalidSetting> => Layer.effect(tag, Either.map(located, ({ hosts }) => ({ mode, hosts })))
