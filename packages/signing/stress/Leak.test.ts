/** The modes of this package under the leak suite, in memory and over three transports. */
import { declareTests } from "../../testing/test/leakTests.ts"
import * as Modes from "../test/leakModes.ts"

declareTests({ of: "signing", ...Modes, extent: "All" })
