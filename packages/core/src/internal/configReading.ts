/**
 * Reading variables so that an error has the name under which the provider looked the variable up, once.
 *
 * `Config.mapOrFail` puts the path of its place in front of every error: twice, if the error has it already, and without
 * what the provider adds by `ConfigProvider.nested`. So an error is first made relative to that place.
 */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as MutableRef from "effect/MutableRef"
import * as ConfigErrors from "./configErrors.ts"
import * as EmptyVariables from "./emptyVariables.ts"

/** Reads the Config of a layer. Its error says what to set, each variable once and one on a line. */
export const read = <A>(config: Config.Config.Wrap<A>): Effect.Effect<A, ConfigError.ConfigError> =>
  Effect.configProviderWith((provider) =>
    Effect.mapError(EmptyVariables.unset(provider).load(Config.unwrap(config)), ConfigErrors.explain)
  )

/** What is wrong with a variable that is set. */
export const unusable = (name: string, problem: string): ConfigError.ConfigError =>
  ConfigError.InvalidData([name], problem)

/** One variable. An empty one is not set; what `read` says of a value must not quote it if it may be a secret. */
export const variable = <A>(name: string, read: (text: string) => Either.Either<A, string>): Config.Config<A> =>
  Config.nested(
    // the provider gives the path to an error of a primitive
    Config.primitive("a text", (text) =>
      text === ""
        ? Either.left(ConfigError.MissingData([], "is not set"))
        : Either.mapLeft(read(text), (problem) => ConfigError.InvalidData([], problem))),
    name
  )

/** Reads a Config and succeeds with its error too. */
export const attempt = <A>(self: Config.Config<A>): Config.Config<Either.Either<A, ConfigError.ConfigError>> =>
  Config.suspend(() => {
    // of this reading alone: no combinator of Config gives an error to the alternative
    const failed = MutableRef.make<ConfigError.ConfigError>(ConfigError.MissingData([], "is not set"))
    return Config.orElseIf(
      Config.map(self, (value): Either.Either<A, ConfigError.ConfigError> => Either.right(value)),
      {
        if: (error) => {
          MutableRef.set(failed, error)
          return true
        },
        orElse: () => Config.succeed(Either.left(MutableRef.get(failed)))
      }
    )
  })

/** Fails with the error of an attempt, as one that says what to set. */
export const raise = <A>(self: Config.Config<Either.Either<A, ConfigError.ConfigError>>): Config.Config<A> =>
  Config.mapOrFail(
    Config.all([place, self]),
    ([place, result]) => Either.mapLeft(result, (error) => ConfigErrors.explainPart(relativeTo(place, error)))
  )

/** The names of variables with this prefix, as the provider looks them up and relative to their place. */
export const prefixOf = (prefix: string): Config.Config<string> =>
  Config.map(Config.all([place, pathOf(variable(prefix, () => Either.left("")))]), ([place, path]) => own(place, path))

/**
 * An attempt at the fields of a credential. If one of two variables is missing that are nothing without each other, the
 * error says that the other is set: the name of what is missing may be a mistake.
 */
export const withPartners = <A>(
  prefix: string,
  fields: Config.Config<A>
): Config.Config<Either.Either<A, ConfigError.ConfigError>> =>
  Config.map(
    Config.all([prefixOf(prefix), attempt(fields), Config.all(partners.map(([, partner]) => isSet(prefix, partner)))]),
    ([prefix, fields, areSet]) =>
      Either.mapLeft(fields, (error) => {
        if (error._op !== "MissingData") return error
        const name = error.path.at(-1)
        const beside = partners.find(([own], index) => name === `${prefix}_${own}` && areSet[index] === true)
        return beside === undefined
          ? error
          : ConfigError.MissingData([...error.path], ConfigErrors.notSetBeside(`${prefix}_${beside[1]}`))
      })
  )

/** Variables that are nothing without each other, in both directions. */
const partners: ReadonlyArray<readonly [string, string]> = [
  ["PASSWORD", "USERNAME"],
  ["USERNAME", "PASSWORD"],
  ["CLIENT_SECRET", "CLIENT_ID"],
  ["CLIENT_ID", "CLIENT_SECRET"]
]

const isSet = (prefix: string, name: string): Config.Config<boolean> =>
  Config.map(attempt(variable(`${prefix}_${name}`, Either.right)), Either.isRight)

type Path = ReadonlyArray<string>

/** The first path in the error of a Config that fails. */
const pathOf = (self: Config.Config<unknown>): Config.Config<Path> =>
  Config.map(
    attempt(self),
    Either.match({
      onLeft: (error) =>
        ConfigError.reduceWithContext(error, undefined, {
          andCase: (_, left: Path) => left,
          orCase: (_, left: Path) => left,
          invalidDataCase: (_, path): Path => path,
          missingDataCase: (_, path): Path => path,
          sourceUnavailableCase: (_, path): Path => path,
          unsupportedCase: (_, path): Path => path
        }),
      onRight: (): Path => []
    })
  )

/** The names that `Config.nested` put around this place; the provider's own are not among them. */
const place = pathOf(Config.fail("is not set"))

/** Under a name of Config and one of the provider, Effect can show the first only. */
const own = (place: Path, path: Path): string =>
  (place.every((name, index) => path[index] === name) ? path.slice(place.length) : path.slice(-1)).join("_")

const relativeTo = (place: Path, error: ConfigError.ConfigError): ConfigError.ConfigError => {
  const relative = (path: Path) => [own(place, path)]
  return ConfigError.reduceWithContext(error, undefined, {
    andCase: (_, left: ConfigError.ConfigError, right) => ConfigError.And(left, right),
    orCase: (_, left: ConfigError.ConfigError, right) => ConfigError.Or(left, right),
    invalidDataCase: (_, path, message) => ConfigError.InvalidData(relative(path), message),
    missingDataCase: (_, path, message) => ConfigError.MissingData(relative(path), message),
    sourceUnavailableCase: (_, path, message, cause) => ConfigError.SourceUnavailable(relative(path), message, cause),
    unsupportedCase: (_, path, message) => ConfigError.Unsupported(relative(path), message)
  })
}
