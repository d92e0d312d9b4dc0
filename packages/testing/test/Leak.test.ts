/** Every way of authenticating that core knows under the leak suite, in memory. Over sockets: `integration/Leak.test.ts`; all of it: `stress/Leak.test.ts`. */
import * as Core from "./coreModes.ts"
import { declareTests } from "./leakTests.ts"

declareTests({ of: "core", ...Core, extent: "InMemory" })
