/** The modes of OAuth under the leak suite; `stress/Leak.test.ts` runs all of it over every transport. */
import { declareTests } from "../../testing/test/leakTests.ts"
import { knownCrypto, modes, secrets } from "./leakModes.ts"

knownCrypto()
declareTests({ of: "OAuth", modes, secrets, extent: "Sample" })
