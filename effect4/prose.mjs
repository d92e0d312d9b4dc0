/**
 * What pages and comments say around their examples. A member of a module of Effect that a text names goes through the same
 * rules as in a program; what no rule can say has other words.
 */
import { existsSync } from "node:fs"
import { join } from "node:path"
import { packages, publicModules, root } from "../scripts/workspace.mjs"

/** @typedef {{ readonly before: string; readonly after: string }} Words Blanks stand for any, a break of the line too. */

/** @type {ReadonlyArray<Words>} */
export const words = [
  {
    before: "The versions matter: without one, `effect` is Effect 4, and this is for Effect 3.",
    after: "The versions matter: those without `effect-4` are for Effect 3."
  },
  {
    before:
      "The versions matter: without one, `effect` is Effect 4, and this is for Effect 3 ([the packages for Effect 4](docs/effect-4.md) are not published yet).",
    after: "The versions matter: those without `effect-4` are for Effect 3 ([what differs](docs/effect-4.md))."
  },
  {
    before: "The versions matter: effect-auth is for Effect 3, and `npm install effect` without one brings Effect 4.",
    after: "The versions matter: those of effect-auth without `effect-4` are for Effect 3."
  },
  {
    before:
      "They need `effect` 3.22 and `@effect/platform` 0.97; all are made for Effect 4 too, from the same sources, " +
      "and are [not published yet](docs/effect-4.md). Schemas come from `effect/Schema`: `@effect/schema` was merged " +
      "into `effect` in 3.10 and does not fit today's platform.",
    after: "They need `effect` 4.1, and are [made](docs/effect-4.md) from the sources of those for Effect 3."
  },
  {
    before: "Install `effect@3 @effect/platform@0.97 @effect/platform-node@0.108`.",
    after: "Install `effect@~4.1 @effect/platform-node@~4.1`."
  },
  {
    before: "is the only module that needs `@effect/rpc` (`npm install @effect/rpc@0.76`), and therefore none of the",
    after: "is the only module that needs `effect/rpc`, and therefore none of the"
  },
  { before: "Needs `@effect/rpc`, which", after: "Needs `effect/rpc`, which" },
  { before: "whose reason is `Transport` only", after: "whose reason is a `TransportError` only" },
  { before: "with reason `Transport`", after: "with a `TransportError`" },
  { before: "of reason `Transport`", after: "with a `TransportError`" },
  { before: "a `ResponseError` (`Decode`)", after: "an `HttpClientError` (`DecodeError`)" },
  { before: "a `ResponseError`", after: "an `HttpClientError`" },
  { before: "a `RequestError`", after: "an `HttpClientError`" },
  { before: "an ordinary `RequestError`", after: "an ordinary `HttpClientError`" },
  { before: "its `RequestError`", after: "its `HttpClientError`" },
  { before: "an `Either`: `yield*` it in `Effect.gen`", after: "a `Result`: `yield*` it by `Effect.fromResult`" },
  { before: "an `Either`", after: "a `Result`" },
  { before: "any `HttpApp`", after: "any effect of an `HttpServerResponse`" },
  { before: "an `HttpApp`", after: "an effect of an `HttpServerResponse`" },
  { before: "`HttpApp.appendPreResponseHandler`", after: "`HttpEffect.appendPreResponseHandler`" },
  { before: "`RpcServer.toHttpApp` of `@effect/rpc`", after: "`RpcServer.toHttpEffect`" },
  { before: "`Schema.filter`", after: "`Schema.makeFilter`" },
  { before: "`Effect.withClock`", after: "`Effect.provideService`" },
  { before: "`bodyUnsafeJson`", after: "`bodyJsonUnsafe`" }
]

/** What a text for Effect 4 does not name: packages and versions of Effect 3, and types that Effect 4 has not. */
const gone = /@effect\/(?:platform|rpc|schema)\b(?!-)|\beffect@3|`effect` 3|`(?:RequestError|ResponseError|Either)`/

/** A member of a module, which may be one of Effect. */
const member = /\b([A-Z]\w*)\.([A-Za-z]\w*)/g

/**
 * @param {ReadonlyArray<Words>} words
 * @param {(source: string) => string} rewritten By the rules.
 * @param {(name: string) => string | undefined} moduleOf The module of Effect 3 that has this name.
 */
export const prose = (words, rewritten, moduleOf) => {
  const patterns = words.map((entry) => ({ ...entry, pattern: patternOf(entry.before) }))
  const said = new Set()
  const faults = []
  /** By the path of their module, with a text that names them. */
  const members = new Map()

  /** What a text names is a program, but for its imports. */
  const withMembers = (path, code) => {
    const names = new Set(Array.from(code.matchAll(member), ([, name]) => name).filter(moduleOf))
    if (names.size === 0) return code
    const imported = Array.from(names, (name) => `import * as ${name} from "${moduleOf(name)}"\n`).join("")
    const lines = rewritten(`${imported}${code}\n`).split("\n").filter((line) => line !== "")
    const modules = new Map(
      lines.flatMap((line) => [...line.matchAll(/^import \* as (\w+) from "(.*)"$/g)]).map(([, ...m]) => m)
    )
    const made = lines.slice(modules.size).join(" ")
    for (const [, name, of] of made.matchAll(member)) {
      if (modules.has(name)) members.set(`${modules.get(name)}.${of}`, path)
    }
    return made
  }

  const withWords = (text) =>
    patterns.reduce((text, entry) =>
      text.replace(entry.pattern, (found) => {
        said.add(entry.before)
        return withBreak(entry.after, found)
      }), text)

  return {
    /** A page, or a module with its comments, in the words of Effect 4. */
    change: (path, text) =>
      around(path, text, (part) => {
        const made = withWords(part).replace(/`([^`\n]+)`/g, (_, code) => `\`${withMembers(path, code)}\``)
        const [left] = gone.exec(made) ?? []
        if (left !== undefined) faults.push(`${path} speaks of ${left}, which Effect 4 has not`)
        return made
      }),
    /** A program that compiles if Effect 4 has every member that a text names. */
    program: () =>
      [...members].map(([name, path], index) => {
        const [, module, member] = /^(.*)\.(\w+)$/.exec(name)
        return `import type { ${member} as name${index} } from "${module}" // ${path}\n`
      }).join(""),
    /** What was left of Effect 3, and words that no text says. */
    faults: () => [
      ...faults,
      ...words.filter(({ before }) => !said.has(before)).map(({ before }) => `no text says "${before}"`)
    ]
  }
}

/** What stands around the blocks of a page, or of the comments of a module. */
const around = (path, text, change) => {
  const parts = (text) =>
    text.split(/(^[ *]*```[^]*?^[ *]*```$)/m).map((part, index) => index % 2 === 0 ? change(part) : part).join("")
  return path.endsWith(".md") ? parts(text) : text.replace(/\/\*\*[^]*?\*\//g, parts)
}

/** In a comment, a line begins with an asterisk. */
const lineBreak = /\n *(?:\* +)?/

const patternOf = (words) =>
  new RegExp(
    words.split(" ").map((word) => word.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join(`(?: |${lineBreak.source})`),
    "g"
  )

/** Broken where the line was, about: after as many letters. */
const withBreak = (after, found) => {
  const [text] = lineBreak.exec(found) ?? []
  if (text === undefined) return after
  const at = after.indexOf(" ", found.indexOf("\n") - 1)
  return at === -1 ? after : after.slice(0, at) + text + after.slice(at + 1)
}

const own = new Set(
  packages().flatMap(({ folder }) => publicModules(folder)).map((path) => path.slice(path.lastIndexOf("/") + 1))
)

const folders = ["effect", "@effect/platform", "@effect/platform-node", "@effect/rpc"]

/** The module of Effect 3 that has this name, unless one of the library has it. */
export const moduleOf = (name) =>
  own.has(name)
    ? undefined
    : folders.find((folder) => existsSync(join(root, "examples/node_modules", folder, `src/${name}.ts`)))
      ?.concat("/", name)
