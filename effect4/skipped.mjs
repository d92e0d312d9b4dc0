/**
 * What is left out on Effect 4, each with its reason: whole files of tests, single tests, and files whose types are not
 * checked although their tests run. `npm run effect4` fails where an entry names nothing that is there.
 */

const core = (name) => `packages/core/test/${name}.test.ts`
const rateLimit = (name) => `packages/rate-limit/test/${name}.test.ts`
const testing = (name) => `packages/testing/test/${name}.test.ts`

const mq = (name) => `packages/ibm-mq/test/${name}.test.ts`
const qualys = (name) => `packages/qualys/test/${name}.test.ts`
const example = (name) => `examples/src/${name}.ts`
const yamcs = (name) => `packages/yamcs/test/${name}.test.ts`

const around = "where nothing is set, and no layer reads it, the error of Effect 4 prints around ours"
const names = "what a ConfigProvider adds to a name Effect 4 does not tell"
const api = "the servers of this test are made with an API that Effect 4 has made anew"
const parts = "it is about parts of a fiber that Effect 4 has not"

/** Tests that do not run, by file. */
export const files = [
  { file: core("AuthenticatedRpcClient"), why: api },
  { file: core("GeneratedClients"), why: api },
  { file: core("internal/request/manualRedirect"), why: parts },
  { file: core("internal/request/scrub"), why: parts },
  { file: core("internal/configErrors"), why: names },
  { file: core("internal/configReading"), why: names },
  { file: yamcs("internal/once"), why: parts },
  { file: testing("FakeServer"), why: api }
]

/** Single tests, by their file and a part of their name. */
export const tests = [
  {
    file: core("AuthEvent"),
    test: "feeds the stream from its subscription on",
    why: "tests run interleaved by turns of the event loop, and hear of each other's events"
  },
  { file: core("ClientCertificate"), test: "may be missing as a whole, and then lists what can be set", why: around },
  {
    file: core("Credential"),
    test: "names a setting of Config that is missing or cannot be used in a ConfigError",
    why: around
  },
  {
    file: core("TokenStore"),
    test: "fails with the operation that failed when its backend fails",
    why: "an error of a KeyValueStore does not say what it was about"
  },
  {
    file: core("internal/emptyVariables"),
    test: "takes an empty variable for one that is not set, whatever it is read as",
    why: "errors of a configuration have another form"
  },
  { file: core("internal/emptyVariables"), test: "names a nested variable by its path", why: names },
  {
    file: core("internal/token/storedText"),
    test: "is read as the token and the generation that were written",
    why: "its values are made from a Schema by an API that Effect 4 has made anew"
  },
  {
    file: rateLimit("internal/schedule"),
    test: "runs the effects of the schedule once for each step, and none after it is done",
    why: "Effect 4 runs them only when the schedule goes on"
  },
  {
    file: testing("LeakDetector"),
    test: "finds what the hostile server issues: the session that a client shows with a response",
    why: "a client of Effect 4 shows no session with a response, so there is nothing to find"
  },
  {
    file: mq("internal/proof"),
    test: "a cookie jar below the client does not decide who the user of",
    why: "the platform's jar is a list of cookies"
  },
  { file: qualys("Platform"), test: "is not set where its variable is missing or empty", why: around },
  { file: yamcs("YamcsCredential"), test: "names what could be set when nothing is", why: around },
  { file: yamcs("YamcsCredential"), test: "says which variable is set beside the one that is missing", why: around },
  {
    file: yamcs("YamcsSubscription"),
    test: "whoever subscribes afterwards has another connection",
    why: "fibers wake in another order at the same instant"
  }
]

const servers = "its servers are made with an API that Effect 4 has made anew"

const levels = "a logger is told levels that nothing is logged at"

/** Files of tests that run, and examples, whose types say something else on Effect 4. */
export const untyped = [
  { file: core("AuthEvent"), why: levels },
  { file: core("TokenStore"), why: "a KeyValueStore, of which this test makes one, lists its keys" },
  { file: core("internal/emptyVariables"), why: "errors of a configuration have another form" },
  {
    file: core("internal/token/storedText"),
    why: "its values are made from a Schema by an API that Effect 4 has made anew"
  },
  { file: rateLimit("RateLimitEvent"), why: levels },
  { file: mq("internal/proof"), why: "the platform's jar is a list of cookies" },
  {
    file: example("docs/credentials"),
    why: "a ConfigProvider is made from JSON by an API that Effect 4 has made anew"
  },
  { file: example("docs/mcp"), why: "what a promise is rejected with has another class" },
  { file: example("docs/oauth-web"), why: "a service is made with its layer by an API that Effect 4 has made anew" },
  { file: example("docs/observing"), why: "it needs @effect/opentelemetry, whose place Effect 4 takes itself" },
  { file: example("docs/testing.test"), why: servers },
  { file: example("docs/typed-apis"), why: servers },
  { file: example("http-api-client"), why: servers },
  { file: example("rpc-client"), why: servers }
]

/** Files of type tests that do not run. */
export const typeTests = [
  { file: "packages/core/dtslint/TypedClients.tst.ts", why: api }
]

/** Long runs that are not run. */
export const stress = [
  {
    file: "packages/core/stress/Mutations.test.ts",
    why:
      "it breaks the sources by their words, which are others on Effect 4; that the model finds each fault is shown on Effect 3"
  }
]
