/** The modes of OAuth under the leak suite, in memory. Over sockets: `integration/Leak.test.ts`; all of it: `stress/Leak.test.ts`. */
import { declareTests } from "../../testing/test/leakTests.ts"
import { knownCrypto, modes, secrets } from "./leakModes.ts"

knownCrypto()
declareTests({ of: "OAuth", modes, secrets, extent: "InMemory" })
