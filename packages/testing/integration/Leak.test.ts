/** Every way of authenticating that core knows under the leak suite, each over real sockets on one transport. */
import * as Core from "../test/coreModes.ts"
import { declareTests } from "../test/leakTests.ts"

declareTests({ of: "core", ...Core, extent: "OverSockets" })
