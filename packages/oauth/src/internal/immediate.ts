/** Effects that may be values already: what comes of them is then had without running one. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

/** {@link Effect.map}, at once where there is nothing to wait for. */
export const map = <A, B, E>(self: Effect.Effect<A, E>, f: (value: A) => B): Effect.Effect<B, E> =>
  isImmediate(self) ? Exit.succeed(f(self.value)) : Effect.map(self, f)

/** Of all effects only a successful Exit has this tag; `Exit.isExit` costs more. */
const isImmediate = <A, E>(self: Effect.Effect<A, E>): self is Exit.Success<A, E> =>
  "_tag" in self && self._tag === "Success"
