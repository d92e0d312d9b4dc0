/**
 * Kerberos at a Yamcs server, as pure functions: tokens of a ticket, and the codes they are exchanged for. The rules are
 * those of `AuthHandler` and `SpnegoAuthModule` of Yamcs 5.13. The tokens are those that the fake itself makes.
 */
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as HashMap from "effect/HashMap"
import * as HashSet from "effect/HashSet"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Settings, State } from "./yamcsState.ts"
import { count } from "./yamcsState.ts"

/** `Unasked`: the answer asks for a token. */
export type Outcome =
  | { readonly _tag: "Granted"; readonly code: string }
  | { readonly _tag: "Unasked" }
  | { readonly _tag: "Refused"; readonly status: 400 | 401 }

const Ticket = Schema.parseJson(
  Schema.Struct({ service: Schema.String, principal: Schema.String, serial: Schema.Number })
)

/** A token for one login. */
export const ticket =
  (service: string, principal: string) => (state: State): readonly [token: string, state: State] => [
    Encoding.encodeBase64(Schema.encodeSync(Ticket)({ service, principal, serial: state.counter })),
    { ...state, counter: state.counter + 1 }
  ]

/** `/auth/spnego`, by any method. The scheme is case-sensitive. */
export const negotiate =
  (settings: Settings, authorization: string | undefined, now: number) => (state: State): readonly [Outcome, State] => {
    if (authorization?.startsWith("Negotiate ") !== true) return [{ _tag: "Unasked" }, state]
    const token = authorization.slice("Negotiate ".length)
    const decoded = Encoding.decodeBase64String(token)
    if (Either.isLeft(decoded)) return [{ _tag: "Refused", status: 400 }, state]
    const ticket = Option.filter(
      Schema.decodeOption(Ticket)(decoded.right),
      ({ serial, service }) =>
        !HashSet.has(state.tickets, serial) && (settings.service === undefined || settings.service === service)
    )
    if (Option.isNone(ticket)) return [{ _tag: "Refused", status: 401 }, state]
    const { principal, serial } = ticket.value
    // of the characters of real codes, those that mean something in a form
    const code = `c&%=+#?${serial.toString(36).padStart(3, "0").slice(-3)}`
    return [{ _tag: "Granted", code }, {
      ...count(state, { tickets: state.stats.tickets + 1 }),
      tickets: HashSet.add(state.tickets, serial),
      // `stripRealm`
      codes: HashMap.set(state.codes, code, {
        user: principal.replace(/@.*$/u, ""),
        until: now + codeMillis,
        kind: "Spnego"
      })
    }]
  }

/** `SpnegoAuthModule` keeps codes for ten seconds, and gives one out as often as it is asked for. */
const codeMillis = 10_000
