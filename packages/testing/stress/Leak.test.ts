/** Every way of authenticating that core knows under the leak suite, in memory and over three transports. */
import * as Core from "../test/coreModes.ts"
import { declareTests } from "../test/leakTests.ts"

declareTests({ of: "core", ...Core, extent: "All" })
