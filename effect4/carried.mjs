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

/** What is carried over of `examples/src`: the demo, and what the README shows. */
export const examples = [
  "demo.ts",
  "demo/countdown.ts",
  "demo/scenarios.ts",
  "runMain.ts",
  "start/main.ts",
  "start/program.test.ts",
  "start/program.ts"
]

/** The tests against real servers that are run on Effect 4 too: those of one system, whose servers need Java and Maven. */
export const integration = ["packages/yamcs/integration/Yamcs.test.ts"]
