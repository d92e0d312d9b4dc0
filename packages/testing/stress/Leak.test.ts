/** Every way of authenticating that core knows under the leak suite, in memory and over three transports. */
import { declareTests } from "../test/coreModes.ts"

declareTests({ overEveryTransport: true })
