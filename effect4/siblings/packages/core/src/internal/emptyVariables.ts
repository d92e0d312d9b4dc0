/**
 * By hand for Effect 4, whose providers give nodes.
 *
 * Variables that are set but empty are not set: `YAMCS_API_KEY=` in a file of variables is how one says "none". Effect's
 * providers say so too, unless a program asks them for empty texts.
 */
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"

/** A provider that has no empty variables. An empty element of a list stays. */
export const unset = (provider: ConfigProvider.ConfigProvider): ConfigProvider.ConfigProvider =>
  ConfigProvider.make((path) =>
    Effect.map(provider.load(path), (node) => node?._tag === "Value" && node.value === "" ? undefined : node)
  )
