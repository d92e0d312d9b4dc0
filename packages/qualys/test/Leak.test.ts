/** The modes of Qualys under the leak suite, in memory. Over sockets: `integration/Leak.test.ts`; all of it: `stress/Leak.test.ts`. */
import { declareTests } from "../../testing/test/leakTests.ts"
import * as Modes from "./leakModes.ts"

declareTests({ of: "Qualys", ...Modes, extent: "InMemory" })
