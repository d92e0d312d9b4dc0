/**
 * Runs the Effect diagnostics over the library sources: `effect-language-service diagnostics` would load them once for each
 * package. The severities are those of tsconfig.json; a warning fails, as with `--strict`.
 */
import { createRequire } from "node:module"
import { join, relative } from "node:path"
import ts from "typescript"
import { root } from "./workspace.mjs"

// What a patched tsc calls for each file. The package is pinned to an exact version.
const { checkSourceFileWorker } = createRequire(import.meta.url)("@effect/language-service/effect-lsp-patch-utils.js")

const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: (diagnostic) => report([diagnostic]) }
const config = ts.getParsedCommandLineOfConfigFile(join(root, "tsconfig.json"), {}, host)
const isLibrarySource = (name) => /^packages\/[^/]+\/src\//.test(relative(root, name).replaceAll("\\", "/"))
const program = ts.createProgram({
  rootNames: config.fileNames.filter(isLibrarySource),
  options: { ...config.options, incremental: false, tsBuildInfoFile: undefined },
  configFileParsingDiagnostics: config.errors
})

const effectDiagnostics = (file) => {
  const found = []
  checkSourceFileWorker(ts, program, file, config.options, (diagnostic) => found.push(diagnostic), "tsc")
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

const library = program.getSourceFiles().filter(({ fileName }) => isLibrarySource(fileName))
const found = [...program.getConfigFileParsingDiagnostics(), ...library.flatMap(effectDiagnostics)]
report(found)
console.log(`${library.length} files, ${found.length} faults`)
process.exitCode = found.length === 0 ? 0 : 1
