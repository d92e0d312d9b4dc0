/** The modes of OAuth under the leak suite, each over real sockets on one transport. */
import { declareTests } from "../../testing/test/leakTests.ts"
import { knownCrypto, modes, secrets } from "../test/leakModes.ts"

knownCrypto()
declareTests({ of: "OAuth", modes, secrets, extent: "OverSockets" })
