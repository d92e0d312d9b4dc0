/**
 * Type-checks the workspace and runs the Effect diagnostics over the library sources, in one program.
 *
 * `tsc` and `effect-language-service diagnostics` each load and check the sources by themselves, which costs half of the
 * time again. The severities of the diagnostics are those of tsconfig.json; a warning fails, as with `--strict`.
 */
import { createRequire } from "node:module"
import { join, relative } from "node:path"
import ts from "typescript"
import { root } from "./workspace.mjs"

// What a patched tsc calls for each file. The package is pinned to an exact version.
const { checkSourceFileWorker } = createRequire(import.meta.url)("@effect/language-service/effect-lsp-patch-utils.js")

const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: (diagnostic) => report([diagnostic]) }
const config = ts.getParsedCommandLineOfConfigFile(join(root, "tsconfig.json"), {}, host)
const program = ts.createIncrementalProgram({
  rootNames: config.fileNames,
  options: config.options,
  configFileParsingDiagnostics: config.errors
})

const isLibrarySource = (file) => /^packages\/[^/]+\/src\//.test(relative(root, file.fileName).replaceAll("\\", "/"))

const effectDiagnostics = (file) => {
  const found = []
  checkSourceFileWorker(ts, program.getProgram(), file, config.options, (diagnostic) => found.push(diagnostic), "tsc")
  return found
}

function report(diagnostics) {
  const format = process.stdout.isTTY || process.env["FORCE_COLOR"]
    ? ts.formatDiagnosticsWithColorAndContext
    : ts.formatDiagnostics
  process.stdout.write(format(ts.sortAndDeduplicateDiagnostics(diagnostics), {
    getCanonicalFileName: (name) => name,
    getCurrentDirectory: () => root,
    getNewLine: () => "\n"
  }))
}

const types = [
  ...program.getConfigFileParsingDiagnostics(),
  ...program.getOptionsDiagnostics(),
  ...program.getSyntacticDiagnostics(),
  ...program.getGlobalDiagnostics(),
  ...program.getSemanticDiagnostics()
]
program.emit()
const library = program.getSourceFiles().filter(isLibrarySource)
const effect = library.flatMap(effectDiagnostics)
report([...types, ...effect])
console.log(`${config.fileNames.length} files, ${library.length} of the library`)
process.exitCode = types.length + effect.length === 0 ? 0 : 1
