/** A layer whose settings are read from Config; apart, so that a program without one bundles nothing of it. */
import type * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ConfigReading from "./configReading.ts"

export const layerConfig = <S, A, E, R>(
  config: Config.Config.Wrap<S>,
  layer: (settings: S) => Layer.Layer<A, E, R>
): Layer.Layer<A, E | ConfigError, R> => Layer.unwrapEffect(Effect.map(ConfigReading.read(config), layer))
