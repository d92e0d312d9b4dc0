/** Every way of authenticating that core knows under the leak suite; `stress/Leak.test.ts` runs each over every transport. */
import { declareTests } from "./coreModes.ts"

declareTests({ overEveryTransport: false })
