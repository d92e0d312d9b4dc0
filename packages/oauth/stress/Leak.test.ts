/** The modes of OAuth under the whole leak suite, in memory and over three transports. */
import { declareTests } from "../../testing/test/leakTests.ts"
import { knownCrypto, modes, secrets } from "../test/leakModes.ts"

knownCrypto()
declareTests({ of: "OAuth", modes, secrets, extent: "All" })
