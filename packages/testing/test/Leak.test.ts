/** Every way of authenticating that core knows under the leak suite; `stress/Leak.test.ts` runs each over every transport. */
import * as Core from "./coreModes.ts"
import { declareTests } from "./leakTests.ts"

declareTests({ of: "core", ...Core, extent: "Sample" })
