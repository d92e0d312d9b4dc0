/**
 * What is carried over to Effect 4 so far: each package with all of its sources and unit tests. The others follow; until then
 * tests that need one of them are in `skipped.mjs`.
 */
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
