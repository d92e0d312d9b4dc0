/**
 * Runs before anything is installed or started, on any version of Node: syntax of 2009. Says in one sentence what is
 * missing, and ends with exit code 1 where something is.
 *
 *     node scripts/preinstall.cjs           the version of Node, and that it is pnpm that installs
 *     node scripts/preinstall.cjs --node    the version of Node
 */
"use strict"

/** The sentence, or undefined where there is nothing to say. */
function problem(version, userAgent) {
  var numbers = version.split(".").map(Number)
  if (numbers[0] < 20 || (numbers[0] === 20 && numbers[1] < 19)) {
    return "This workspace needs Node 20.19 or newer, and this is Node " + version +
      ": install a newer one, then try again."
  }
  if (userAgent !== undefined && userAgent.indexOf("pnpm/") !== 0) {
    return "This workspace is installed by pnpm: run \"npm run bootstrap\", which fetches it. " +
      "\"npm test\" and \"npm run demo\" do so by themselves."
  }
}

module.exports = problem

if (require.main === module) {
  var told = problem(
    process.versions.node,
    process.argv[2] === "--node" ? undefined : process.env.npm_config_user_agent || ""
  )
  if (told !== undefined) {
    console.error("\n" + told + "\n")
    process.exitCode = 1
  }
}
