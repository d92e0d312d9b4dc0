/** The modes of IBM MQ under the leak suite, in memory and over three transports. */
import { declareTests } from "../../testing/test/leakTests.ts"
import * as Modes from "../test/leakModes.ts"

declareTests({ of: "IBM MQ", ...Modes, extent: "All" })
