/**
 * Writes `packages/oauth/CONFORMANCE.md`: what the specifications ask of an OAuth client, in words of our own
 * (`packages/oauth/requirements.json`), and the test that shows it. A test shows the requirements whose ids are in its name.
 *
 *     node scripts/conformance.mjs           writes, as a part of npm run docs
 *     node scripts/conformance.mjs --check   fails where the page is stale, or a requirement has neither test nor place
 *
 * @typedef {object} Requirement
 * @property {string} id
 * @property {"M" | "S" | "Y"} level Must, should, may.
 * @property {string} requirement
 * @property {{ readonly by: string, readonly where: ReadonlyArray<string> }} [held] What holds it by construction, and where.
 * @property {string} [notDone] Why it is not; beside a test, which part of it.
 *
 * @typedef {object} Test
 * @property {string} file From the root of the workspace.
 * @property {string} name Without the ids it begins with.
 * @property {ReadonlyArray<string>} ids
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join, posix, relative } from "node:path"
import { pathToFileURL } from "node:url"
import { files, root } from "./workspace.mjs"

const folder = "packages/oauth"
const page = `${folder}/CONFORMANCE.md`
const source = `${folder}/requirements.json`

/** The parts of the page, by what their ids begin with. */
const parts = {
  CA: "Client authentication",
  TR: "Token request and response",
  ER: "Errors",
  CC: "Client credentials",
  AC: "Authorization code and PKCE",
  LB: "Redirects on loopback",
  DV: "Device flow",
  RF: "Refresh",
  TX: "Token exchange",
  JB: "JWT bearer",
  RV: "Revocation",
  MD: "Discovery",
  PR: "Protected resource metadata",
  RG: "Registration",
  RI: "Resource indicators",
  DP: "DPoP",
  MT: "Tokens bound to a certificate",
  SU: "Step-up",
  BC: "Best current practice and OAuth 2.1",
  VN: "Vendors",
  MCP: "Model Context Protocol"
}

const id = /\b[A-Z]{2,3}\d+\b/g
const partOf = (id) => /^[A-Z]+/.exec(id)[0]

/**
 * The tests of a file that show a requirement: named where they are declared, or in a table by a text that begins with an
 * id.
 *
 * @param {string} file
 * @param {string} text
 * @returns {ReadonlyArray<Test>}
 */
export const testsOf = (file, text) =>
  [...text.matchAll(declared), ...text.matchAll(tabled)].sort((a, b) => a.index - b.index).flatMap(([, , written]) => {
    const name = written.replace(/\s*\(seed \$\{\w+\}\)/g, "").replace(/\$\{[^}]*\}/g, "…").replace(/\\(.)/g, "$1")
    const ids = [...name.matchAll(id)].map(([id]) => id).filter((id) => partOf(id) in parts)
    return ids.length === 0 ? [] : [{ file, name: name.replace(/^(?:[A-Z]{2,3}\d+ )+/, ""), ids }]
  })

const declared = /\bit(?:\.\w+)*\(\s*(["'`])((?:\\.|(?!\1)[^\\])*)\1/g
const tabled = /(?<!\bit(?:\.\w+)*\(\s*)(["'`])([A-Z]{2,3}\d+ (?:\\.|(?!\1)[^\\\n])*)\1/g

/**
 * The page.
 *
 * @param {ReadonlyArray<Requirement>} requirements
 * @param {ReadonlyArray<Test>} tests
 */
export const render = (requirements, tests) => {
  const rows = (part) => requirements.filter(({ id }) => partOf(id) === part)
  const ofMcp = rows("MCP").length
  return [
    "# Conformance",
    "",
    "What the specifications of OAuth 2 ask of a client, in words of our own, and where it is shown. This page is made from the",
    "names of the tests by `npm run docs`.",
    "",
    `It has ${
      requirements.length - ofMcp
    } requirements, and ${ofMcp} of the Model Context Protocol. M: must, S: should, Y: may.`,
    ...Object.entries(parts).flatMap(([part, title]) => [
      "",
      `## ${title}`,
      "",
      "| id | level | requirement | shown by |",
      "|----|-------|-------------|----------|",
      ...rows(part).map((requirement) =>
        `| ${requirement.id} | ${requirement.level} | ${cell(requirement.requirement)} | ${
          cell(evidence(requirement, tests))
        } |`
      )
    ]),
    ""
  ].join("\n")
}

/**
 * What is wrong with the requirements, each in a sentence.
 *
 * @param {ReadonlyArray<Requirement>} requirements
 * @param {ReadonlyArray<Test>} tests
 * @param {(path: string) => boolean} exists
 */
export const faultsOf = (requirements, tests, exists) => [
  ...requirements.filter(({ id }, index) => requirements.findIndex((other) => other.id === id) !== index).map((
    { id }
  ) => `${source}: ${id} is there twice`),
  ...tests.flatMap(({ file, ids }) =>
    ids.filter((id) => !requirements.some((requirement) => requirement.id === id)).map((id) =>
      `${file}: a test shows ${id}, which is no requirement`
    )
  ),
  ...requirements.flatMap(({ held, id }) =>
    (held?.where ?? []).filter((path) => !exists(path)).map((path) =>
      `${source}: ${id} is held by ${path}, which is not there`
    )
  )
]

/**
 * The requirements that must hold and have neither test nor place.
 *
 * @param {ReadonlyArray<Requirement>} requirements
 * @param {ReadonlyArray<Test>} tests
 */
export const missing = (requirements, tests) =>
  requirements.filter((requirement) =>
    requirement.level === "M" && requirement.held === undefined &&
    !tests.some(({ ids }) => ids.includes(requirement.id))
  ).map(({ id }) => id)

const evidence = ({ held, id, notDone }, tests) => {
  const shown = tests.filter(({ ids }) => ids.includes(id))
  return [
    ...shown.map(({ file, name }) => `${link(file)}: ${name}`),
    ...(held === undefined ? [] : [`held by construction: ${held.by} ${held.where.map(link).join(", ")}`]),
    ...(notDone === undefined ? [] : [`not done: ${notDone}`]),
    ...(shown.length === 0 && held === undefined && notDone === undefined ? ["not yet"] : [])
  ].join("<br>")
}

const link = (path) => {
  const from = posix.relative(folder, path)
  return `[${from.replace(/^\.\.\//, "")}](${from})`
}

const cell = (text) => text.replaceAll("|", "\\|").replaceAll(/\s+/g, " ")

const run = () => {
  const checking = process.argv[2] === "--check"
  /** @type {ReadonlyArray<Requirement>} */
  const requirements = JSON.parse(readFileSync(join(root, source), "utf8"))
  const tests = ["packages/oauth/test", "packages/oauth/integration", "packages/node/test"].flatMap((folder) =>
    files(join(root, folder), /\.test\.ts$/).sort().flatMap((file) =>
      testsOf(relative(root, file).replaceAll("\\", "/"), readFileSync(file, "utf8"))
    )
  )
  const text = render(requirements, tests)
  const before = existsSync(join(root, page)) ? readFileSync(join(root, page), "utf8") : undefined
  if (!checking) writeFileSync(join(root, page), text)
  const absent = missing(requirements, tests)
  const faults = [
    ...faultsOf(requirements, tests, (path) => existsSync(join(root, path))),
    ...checking && before !== text ? [`${page} is stale: npm run docs`] : []
  ]
  for (const fault of faults) console.log(fault)
  if (absent.length > 0) console.log(`what must hold and has neither test nor place: ${absent.join(", ")}`)
  const count = faults.length + (checking ? absent.length : 0)
  console.log(`${requirements.length} requirements, ${count} faults`)
  process.exitCode = count === 0 ? 0 : 1
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) run()
