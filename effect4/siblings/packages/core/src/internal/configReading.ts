/**
 * By hand for Effect 4, where a variable that is absent and one that cannot be used fail in two ways, and `Config.all` and
 * `Config.orElse` keep one error. Those of this module gather what keeps each alternative from being used. What a
 * ConfigProvider adds to a name it does not tell, so names are those of the Config.
 *
 * Reading variables so that an error has the name of the variable, once.
 */
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"
import * as ConfigErrors from "./configErrors.ts"
import * as EmptyVariables from "./emptyVariables.ts"

type Attempt<A> = Result.Result<A, ConfigErrors.Explained>

/** Reads the Config of a layer. Its error says what to set, each variable once and one on a line. */
export const read = <A>(config: Config.Wrap<A>): Effect.Effect<A, Config.ConfigError> =>
  Effect.flatMap(
    ConfigProvider.ConfigProvider,
    (provider) => attempt(unwrap(config)).parse(EmptyVariables.unset(provider))
  ).pipe(Effect.flatMap(Effect.fromResult))

/** What is wrong with a variable that is set. */
export const unusable = (name: string, problem: string): ConfigErrors.Explained =>
  new ConfigErrors.Explained([[{ kind: "Invalid", name, problem }]])

/** What is wrong where nothing is set. */
export const nothing = new ConfigErrors.Explained([[]])

/** One variable. An empty one is not set; what `read` says of a value must not quote it if it may be a secret. */
export const variable = <A>(name: string, read: (text: string) => Result.Result<A, string>): Config.Config<A> =>
  raise(Config.map(
    Config.all([fullName(name), attempt(Config.String(name))]),
    ([fullName, text]) =>
      Result.flatMap(text, (text) =>
        text === ""
          ? Result.fail(new ConfigErrors.Explained([[{ kind: "Missing", name: fullName }]]))
          : Result.mapError(read(text), (problem) => unusable(fullName, problem)))
  ))

/** Reads a Config and succeeds with its error too. */
export const attempt = <A>(self: Config.Config<A>): Config.Config<Attempt<A>> => {
  const orError = (toError: (error: Config.ConfigError) => ConfigErrors.Explained) =>
    Config.orElse(
      Config.map(self, (value): Attempt<A> => Result.succeed(value)),
      (error) => Config.succeed<Attempt<A>>(Result.fail(carried(error) ?? toError(error)))
    )
  return Config.orElse(
    // only what is absent becomes None
    Config.flatMap(
      Config.option(self),
      Option.match({
        onNone: () => orError(ConfigErrors.missing),
        onSome: (value) => Config.succeed<Attempt<A>>(Result.succeed(value))
      })
    ),
    () => orError(ConfigErrors.invalid)
  )
}

/** Fails with the error of an attempt. If all that is wrong is that variables are not set, a default can take its place. */
export const raise = <A>(self: Config.Config<Attempt<A>>): Config.Config<A> =>
  Config.flatMap(
    self,
    Result.match({
      onFailure: (error): Config.Config<A> => error.isMissing ? absent(error) : failing(error),
      onSuccess: Config.succeed
    })
  )

/** The names of variables with this prefix, with the names that they are nested under. */
export const prefixOf = (prefix: string): Config.Config<string> => fullName(prefix)

/** `Config.all`, with the errors of all. */
export const all = <const Arg extends ReadonlyArray<Config.Config<any>> | Readonly<Record<string, Config.Config<any>>>>(
  configs: Arg
): ReturnType<typeof Config.all<Arg>> => {
  const [keys, members]: readonly [ReadonlyArray<string> | undefined, ReadonlyArray<Config.Config<any>>] =
    isList(configs) ? [undefined, configs] : [Object.keys(configs), Object.values(configs)]
  return raise(Config.map(Config.all(members.map(attempt)), (attempts) => {
    const errors = attempts.filter(Result.isFailure).map(({ failure }) => failure)
    const [first, ...others] = errors
    if (first !== undefined) return Result.fail(others.reduce(ConfigErrors.both, first))
    const values = Result.getOrThrow(Result.all(attempts))
    return Result.succeed(
      keys === undefined ? values : Object.fromEntries(keys.map((key, index) => [key, values[index]]))
    )
    // as Config.all has it: the keys are those of the argument
  })) as ReturnType<typeof Config.all<Arg>>
}

const isList = (configs: object): configs is ReadonlyArray<Config.Config<any>> => Array.isArray(configs)

/** `Config.orElse`, with the errors of both. */
export const orElse: {
  <B>(that: () => Config.Config<B>): <A>(self: Config.Config<A>) => Config.Config<A | B>
  <A, B>(self: Config.Config<A>, that: () => Config.Config<B>): Config.Config<A | B>
} = (...args: ReadonlyArray<any>): any =>
  args.length === 1 ? (self: any) => orElseWith(self, args[0], () => true) : orElseWith(args[0], args[1], () => true)

/** The same, if all that is wrong with the first is that variables are not set. */
export const orElseWhenMissing = <A, B>(self: Config.Config<A>, that: () => Config.Config<B>): Config.Config<A | B> =>
  orElseWith(self, that, (error) => error.isMissing)

const orElseWith = <A, B>(
  self: Config.Config<A>,
  that: () => Config.Config<B>,
  isEnough: (error: ConfigErrors.Explained) => boolean
): Config.Config<A | B> =>
  raise(
    Config.flatMap(attempt(self), (first): Config.Config<Attempt<A | B>> =>
      Result.isSuccess(first) || !isEnough(first.failure)
        ? Config.succeed(first)
        : Config.map(
          attempt(that()),
          Result.mapError((second) =>
            ConfigErrors.either(first.failure, second)
          )
        ))
  )

/**
 * An attempt at the fields of a credential. If one of two variables is missing that are nothing without each other, the
 * error says that the other is set: the name of what is missing may be a mistake.
 */
export const withPartners = <A>(prefix: string, fields: Config.Config<A>): Config.Config<Attempt<A>> =>
  Config.map(
    Config.all([prefixOf(prefix), attempt(fields), Config.all(partners.map(([, partner]) => isSet(prefix, partner)))]),
    ([prefix, fields, areSet]) =>
      Result.mapError(fields, (error) => {
        const [leaf, ...others] = error.alternatives.flat()
        if (leaf?.kind !== "Missing" || others.length > 0) return error
        const beside = partners.find(([own], index) => leaf.name === `${prefix}_${own}` && areSet[index] === true)
        return beside === undefined
          ? error
          : new ConfigErrors.Explained([[{ ...leaf, partner: `${prefix}_${beside[1]}` }]])
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
  Config.map(attempt(variable(`${prefix}_${name}`, Result.succeed)), Result.isSuccess)

/** A name that no variable has. */
const nowhere = "\u0000"

/** With the names that `Config.nested` put around this place, which an error has in its path. */
const fullName = (name: string): Config.Config<string> =>
  Config.orElse(
    Config.map(Config.String(nowhere), () => name),
    (error) => Config.succeed(ConfigErrors.nameOf(error).replace(nowhere, () => name))
  )

/** Absent, with an error of one's own. Only a Schema that finds nothing is absent, so one finds nothing and says why. */
const absent = (error: ConfigErrors.Explained): Config.Config<never> => {
  const issue = new SchemaIssue.InvalidValue({ message: error.message })
  carriers.set(issue, error)
  return Config.schema(
    Schema.UndefinedOr(Schema.String).pipe(
      Schema.decodeTo(Schema.Never, {
        decode: SchemaGetter.transformEffect(() => Effect.fail(issue)),
        encode: SchemaGetter.transformEffect(() => Effect.fail(issue))
      })
    ),
    nowhere
  )
}

const failing = (error: ConfigErrors.Explained): Config.Config<never> =>
  Config.mapEffect(Config.succeed(undefined), () => Effect.fail(error))

const carriers = new WeakMap<object, ConfigErrors.Explained>()

/** The error that an absent Config was made of. */
const carried = (error: unknown, depth = 8): ConfigErrors.Explained | undefined => {
  if (error instanceof ConfigErrors.Explained) return error
  if (depth === 0 || !Predicate.isObject(error)) return undefined
  const found = carriers.get(error)
  if (found !== undefined) return found
  return carried("issue" in error ? error.issue : "cause" in error ? error.cause : undefined, depth - 1)
}

const unwrap = <A>(wrapped: Config.Wrap<A>): Config.Config<A> =>
  Config.isConfig(wrapped)
    ? wrapped as Config.Config<A>
    : all(
      Object.fromEntries(
        Object.entries(wrapped).map(([name, config]) => [name, unwrap(config as Config.Wrap<unknown>)])
      )
    ) as Config.Config<unknown> as Config.Config<A>
