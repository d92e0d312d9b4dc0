/** Every way of authenticating that core knows under the leak suite, over three transports. */
import * as Core from "../test/coreModes.ts"
import { declareTests } from "../test/leakTests.ts"

declareTests({ of: "core", ...Core, extent: "OverSockets" })
