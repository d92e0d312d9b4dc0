/**
 * Variables that are set but empty are not set: `YAMCS_API_KEY=` in a file of variables is how one says "none".
 * `Config.string` takes them for a text.
 */
import * as ConfigError from "effect/ConfigError"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"

/** A provider that has no empty variables. An empty element of a list stays. */
export const unset = (provider: ConfigProvider.ConfigProvider): ConfigProvider.ConfigProvider => {
  const { flattened } = provider
  return ConfigProvider.fromFlat(ConfigProvider.makeFlat({
    load: (path, primitive, split) =>
      Effect.zipRight(
        flattened.load<unknown>(path, { ...primitive, parse: whole }, false),
        flattened.load(path, primitive, split)
      ),
    enumerateChildren: (path) => flattened.enumerateChildren(path),
    patch: flattened.patch
  }))
}

/** The provider gives the path to this error. */
const whole = (text: string): Either.Either<string, ConfigError.ConfigError> =>
  text === "" ? Either.left(ConfigError.MissingData([], "is not set")) : Either.right(text)
