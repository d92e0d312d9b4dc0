/** The modes of OAuth under the leak suite; `stress/Leak.test.ts` runs all of it over every transport. */
import { declareTests } from "../../testing/test/leakTests.ts"
import * as Modes from "./leakModes.ts"

Modes.knownCrypto()
declareTests({ of: "OAuth", ...Modes, extent: "Sample" })
