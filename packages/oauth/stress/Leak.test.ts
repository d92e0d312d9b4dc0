/** The modes of OAuth under the whole leak suite, in memory and over three transports. */
import { declareTests } from "../../testing/test/leakTests.ts"
import * as Modes from "../test/leakModes.ts"

Modes.knownCrypto()
declareTests({ of: "OAuth", ...Modes, extent: "All" })
