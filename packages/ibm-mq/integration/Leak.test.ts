/** The modes of IBM MQ under the leak suite, each over real sockets on one transport. */
import { declareTests } from "../../testing/test/leakTests.ts"
import * as Modes from "../test/leakModes.ts"

declareTests({ of: "IBM MQ", ...Modes, extent: "OverSockets" })
