/** What is carried over to Effect 4: each package with all of its sources and unit tests. */
export const packages = [
  "rate-limit",
  "core",
  "testing",
  "ibm-mq",
  "redis",
  "oauth",
  "signing",
  "yamcs",
  "qualys",
  "node"
]

/** The tests against real servers that are run on Effect 4 too: those of one system, whose servers need Java and Maven. */
export const integration = ["packages/yamcs/integration/Yamcs.test.ts"]
