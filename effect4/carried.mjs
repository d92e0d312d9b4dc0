import { readdirSync } from "node:fs"
import { join } from "node:path"
import { root } from "../scripts/workspace.mjs"

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

/** The pages that are carried over: all but the one about Effect 4, and what nobody reads who uses a package. */
export const pages = [
  "README.md",
  ...readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md") && name !== "effect-4.md").map((name) =>
    `docs/${name}`
  ),
  ...packages.map((name) => `packages/${name}/README.md`)
]

/** The tests against real servers that are run on Effect 4 too: those of one system, whose servers need Java and Maven. */
export const integration = ["packages/yamcs/integration/Yamcs.test.ts"]
