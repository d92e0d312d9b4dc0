/**
 * Fails where modules of the library import each other in a circle, through type-only imports and package names too.
 *
 *     node scripts/circular.mjs
 */
import madge from "madge"
import { join } from "node:path"
import { argv } from "node:process"
import { fileURLToPath } from "node:url"
import ts from "typescript"
import { packages, root } from "./workspace.mjs"

/**
 * The imports of the published packages of a workspace.
 *
 * @returns {Promise<{ modules: number; faults: ReadonlyArray<string> }>}
 */
export const inspect = async (workspace) => {
  const graph = await madge(packages(workspace).map(({ folder }) => join(folder, "src")), {
    baseDir: workspace,
    fileExtensions: ["ts"],
    tsConfig: { options: compilerOptions(workspace) },
    detectiveOptions: { ts: { skipTypeImports: false } }
  })
  return {
    modules: Object.keys(graph.obj()).length,
    faults: [
      ...graph.circular().map((circle) => `circular: ${[...circle, circle[0]].join(" -> ")}`),
      // An import that is not followed would hide a circle.
      ...graph.warnings().skipped.map((name) => `not found: ${name}`)
    ]
  }
}

// Read here: madge, given the path, parses the parsed options once more and loses `moduleResolution`, and with it every
// import by package name.
const compilerOptions = (workspace) =>
  ts.getParsedCommandLineOfConfigFile(join(workspace, "tsconfig.json"), {}, {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic: ({ messageText }) => {
      throw new Error(ts.flattenDiagnosticMessageText(messageText, "\n"))
    }
  }).options

if (argv[1] === fileURLToPath(import.meta.url)) {
  const { faults, modules } = await inspect(root)
  for (const fault of faults) console.log(fault)
  console.log(`${modules} modules, ${faults.length} faults`)
  process.exitCode = faults.length === 0 ? 0 : 1
}
