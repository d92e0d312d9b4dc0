/**
 * What the reader of a page installs: the commands in its blocks of shell, in order, each with the code that stands below
 * it and above the next.
 *
 * @typedef {object} Command
 * @property {number} line From 1.
 * @property {ReadonlyArray<string>} specs Such as `effect@3`.
 * @property {boolean} dev
 *
 * @typedef {object} Step What is installed by then, and the code that has to compile with it.
 * @property {ReadonlyArray<Command>} commands All from the top of the page.
 * @property {ReadonlyArray<import("./snippets.mjs").Snippet>} snippets
 */

const installing = /^(?:npm (?:install|i)|pnpm add|yarn add)\s+(.+)$/

/**
 * @param {string} text A Markdown page.
 * @returns {ReadonlyArray<Command>}
 */
export const commands = (text) => {
  let fence = undefined
  return text.split("\n").flatMap((line, index) => {
    const [, mark, language] = /^\s*(`{3,})\s*(\w*)/.exec(line) ?? []
    if (mark !== undefined) {
      fence = fence === undefined ? { mark, shell: /^(sh|bash|shell|console)$/.test(language) } : undefined
      return []
    }
    const isShell = fence?.shell ?? (fence === undefined && /^ {4}/.test(line))
    return isShell ? line.replace(/\s#.*$/, "").split("&&").flatMap((part) => command(part.trim(), index + 1)) : []
  })
}

const command = (text, line) => {
  const [, rest] = installing.exec(text.replace(/^\$ /, "")) ?? []
  if (rest === undefined) return []
  const words = rest.split(/\s+/)
  const dev = words.some((word) => /^(-D|--save-dev|--dev)$/.test(word))
  return [{ line, specs: words.filter((word) => !word.startsWith("-")), dev }]
}

/**
 * @param {ReadonlyArray<Command>} commands Of one page.
 * @param {ReadonlyArray<import("./snippets.mjs").Snippet>} snippets Of the same page.
 * @returns {ReadonlyArray<Step>} Without those that nothing was installed for.
 */
export const steps = (commands, snippets) =>
  commands.map((command, index) => {
    const next = commands[index + 1]?.line ?? Infinity
    return {
      commands: commands.slice(0, index + 1),
      snippets: snippets.filter(({ line }) => line > command.line && line < next)
    }
  })

/** Two commands with the same key install the same. */
export const key = ({ dev, specs }) => [dev ? "-D" : "", ...[...specs].sort()].join(" ").trim()

/**
 * The sequences of commands to run: those of every page, without those that begin another.
 *
 * @param {ReadonlyArray<ReadonlyArray<Command>>} pages
 */
export const sequences = (pages) => {
  const keys = (commands) => commands.map(key).join("\n")
  const distinct = [...new Map(pages.filter(({ length }) => length > 0).map((page) => [keys(page), page])).values()]
  return distinct.filter((page) =>
    !distinct.some((other) => other !== page && keys(other).startsWith(`${keys(page)}\n`))
  )
}

/**
 * The blocks that a page takes from programs, as it shows them: below a comment such as
 * `<!-- examples/src/docs/start.ts#program -->`.
 *
 * @param {string} text A Markdown page.
 * @returns {ReadonlyArray<{ readonly line: number; readonly path: string; readonly code: string }>}
 */
export const blocksOfPrograms = (text) => {
  const lines = text.split("\n")
  return lines.flatMap((line, index) => {
    const [, path] = /^<!-- (\S+\.ts)(?:#[\w-]+)? -->$/.exec(line) ?? []
    const end = lines.indexOf("```", index + 2)
    if (path === undefined || lines[index + 1] !== "```ts" || end === -1) return []
    return [{ line: index + 3, path, code: lines.slice(index + 2, end).join("\n") }]
  })
}

/**
 * One module of several blocks, each of which has the imports that it uses: every name is imported once.
 *
 * @param {ReadonlyArray<string>} blocks
 */
export const joined = (blocks) => {
  const imports = new Map()
  const add = (name, type, statement) => {
    if (!type || !imports.has(name)) imports.set(name, statement)
  }
  const code = blocks.map((block) =>
    block.replace(
      /^import (type )?(?:(\* as \w+)|\{([^}]*)\}) from ("[^"]+")$/gm,
      (_, type = "", all, names, module) => {
        for (const name of all === undefined ? names.split(",").map((name) => name.trim()).filter(Boolean) : [all]) {
          const what = all ?? `{ ${name} }`
          add(
            name.replace(/^type /, ""),
            type !== "" || name.startsWith("type "),
            `import ${type}${what} from ${module}`
          )
        }
        return ""
      }
    )
  )
  return [...imports.values(), ...code].join("\n")
}
