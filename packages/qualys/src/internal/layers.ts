/** The layer of each mode: its client, and the evidence of what it can access. */
import type { ExchangeError, SetupError } from "@effect-auth/core/AuthError"
import type * as Credential from "@effect-auth/core/Credential"
import type { Given, Untagged } from "@effect-auth/core/CredentialSource"
import type { TokenSource } from "@effect-auth/core/TokenSource"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Account, ApiAccess, GatewayAccess } from "../QualysAccess.ts"
import type { ClientCredentials } from "../QualysCredential.ts"
import * as Access from "./access.ts"
import * as Clients from "./clients.ts"
import type { Login, ModeLayer, Options } from "./mode.ts"
import { layerOf } from "./mode.ts"
import * as Tokens from "./tokens.ts"

export const basic = <const Name extends string, R>(
  mode: Name,
  given: Given<Login, R>,
  options: Options
): ModeLayer<Name, ApiAccess | Account, never, R> =>
  Layer.merge(layerOf(mode, Clients.basic(given, options)), Access.ofLogin(mode, given, options))

export const session = <const Name extends string, R>(
  mode: Name,
  given: Given<Login, R>,
  options: Options
): ModeLayer<Name, ApiAccess | Account, ExchangeError, R> =>
  Layer.merge(
    layerOf(
      mode,
      Effect.flatMap(Tokens.session(given, options), (tokens) => Clients.session(tokens, given, options))
    ),
    Access.ofLogin(mode, given, options)
  )

/** Without `alsoApi` there is no `ApiAccess`, whose evidence the overloads of `layerJwt` keep back then. */
export const jwt = <const Name extends string, R>(
  mode: Name,
  given: Given<Login, R>,
  options: Options
): ModeLayer<Name, ApiAccess | GatewayAccess | Account, ExchangeError, R> =>
  Layer.unwrapScoped(Effect.map(Tokens.jwt(given, options), (tokens) =>
    Layer.merge(
      layerOf(mode, Clients.jwt(tokens, given, options)),
      Access.ofJwt(mode, given, options, tokens)
    )))

export const clientCredentials = <const Name extends string, R>(
  mode: Name,
  given: Given<Untagged<ClientCredentials>, R>,
  options: Options
): ModeLayer<Name, ApiAccess | GatewayAccess, ExchangeError, R> =>
  Layer.merge(
    layerOf(
      mode,
      Effect.flatMap(Tokens.clientCredentials(given, options), (tokens) => Clients.clientCredentials(tokens, options))
    ),
    Access.ofBoth(mode, options)
  )

export const bearer = <const Name extends string, R>(
  mode: Name,
  given: Given<Untagged<Credential.Bearer>, R>,
  options: Options
): ModeLayer<Name, ApiAccess | GatewayAccess, never, R> =>
  Layer.merge(layerOf(mode, Clients.bearer(given, options)), Access.ofBoth(mode, options))

/** {@link bearer} with the tokens of another provider's source. */
export const bearerOf = <const Name extends string, E, R>(
  mode: Name,
  tokens: TokenSource | Effect.Effect<TokenSource, E, R>,
  options: Options
): ModeLayer<Name, ApiAccess | GatewayAccess, E, R> =>
  Layer.merge(
    layerOf<Name, SetupError | E, R>(
      mode,
      Effect.isEffect(tokens)
        ? Effect.flatMap(tokens, (tokens) => Clients.bearerOf(tokens, options))
        : Clients.bearerOf(tokens, options)
    ),
    Access.ofBoth(mode, options)
  )
