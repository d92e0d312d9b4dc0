/**
 * An OpenID provider beside a Yamcs server, as pure functions: the page that a browser is sent to, and the codes that the
 * server redeems. The rules are those of `OpenIDAuthModule` of Yamcs 5.13, and of OpenID Connect where it has some.
 */
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Decision } from "./oauthPerson.ts"
import type { OpenId, State } from "./yamcsState.ts"

/** Where the person's browser goes next; `None`: the person does nothing, and the page stays. */
export type Location = Option.Option<string>

/** What the provider's page does with a request; `undefined`: the request is wrong, and the page says so. */
export const authorize = (
  { clientId, issuer }: OpenId,
  parameters: Readonly<Record<string, string>>,
  decision: Decision,
  fallbackUser: string
) =>
(state: State): readonly [Location | undefined, State] => {
  const { client_id: client, redirect_uri: redirectUri, response_type: type, state: opaque } = parameters
  // Yamcs sends no verifier, so a challenge makes the code worthless
  const isGood = client === clientId && redirectUri !== undefined && type === "code" &&
    parameters["code_challenge"] === undefined
  if (!isGood) return [undefined, state]
  const back = (answer: Readonly<Record<string, string | undefined>>): Location => {
    const url = new URL(redirectUri)
    for (const [name, value] of Object.entries({ ...answer, state: opaque, iss: issuer })) {
      if (value !== undefined) url.searchParams.append(name, value)
    }
    return Option.some(url.href)
  }
  switch (decision._tag) {
    case "Ignores":
      return [Option.none(), state]
    case "Denies":
      return [back({ error: decision.error ?? "access_denied" }), state]
    case "Agrees": {
      const code = `canary-oidc-${state.counter}`
      return [back({ code }), {
        ...state,
        counter: state.counter + 1,
        openIdCodes: HashMap.set(state.openIdCodes, code, { user: decision.user ?? fallbackUser, redirectUri })
      }]
    }
  }
}

const Sent = Schema.parseJson(Schema.Struct({ code: Schema.String, redirect_uri: Schema.String }))

/** The user of a code in the form `oidc x.<JSON in Base64url>.`, or the status of the refusal. A code is good once. */
export const redeem = (
  sent: string,
  { answersPages, refusesCodes }: OpenId
) =>
(state: State): readonly [Either.Either<string, 401 | 500>, State] => {
  const [, body] = sent.slice("oidc ".length).split(".")
  if (body === undefined) return [Either.left(500), state]
  const refused = Either.left(answersPages ? 500 as const : 401 as const)
  if (refusesCodes) return [Either.left(401), state]
  const found = Either.getRight(Encoding.decodeBase64UrlString(body)).pipe(
    Option.flatMap(Schema.decodeOption(Sent)),
    Option.flatMap(({ code, redirect_uri: redirectUri }) =>
      Option.map(
        Option.filter(HashMap.get(state.openIdCodes, code), (kept) => kept.redirectUri === redirectUri),
        ({ user }) => ({ code, user })
      )
    )
  )
  return Option.match(found, {
    onNone: () => [refused, state],
    onSome: ({ code, user }) => [Either.right(user), {
      ...state,
      openIdCodes: HashMap.remove(state.openIdCodes, code)
    }]
  })
}
