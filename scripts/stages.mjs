/**
 * Runs the stages of a gate: a line for each when it ends, the output of those that fail, and one closing line.
 *
 * Stages run side by side as long as there are processors for them. It needs nothing but Node, so that the installation
 * can be a stage.
 *
 * @typedef {object} Counts What a stage counts for in the closing line.
 * @property {number} passed
 * @property {number} failed
 * @property {number} [skipped]
 * @property {ReadonlyArray<string>} [absent] What could not be had on this machine, to be named.
 *
 * @typedef {object} Stage
 * @property {string} name
 * @property {ReadonlyArray<string>} command
 * @property {ReadonlyArray<string>} [after] The stages that must have passed before; without them it is skipped.
 * @property {number} [processors] How many it keeps busy: 1 unless said otherwise.
 * @property {(output: string) => ReadonlyArray<string>} [summary] Lines of its output that are shown when it passes.
 * @property {(output: string) => Counts | undefined} [counts] What it ran. A stage without is one check.
 *
 * @typedef {object} Result
 * @property {string} name
 * @property {"passed" | "failed" | "skipped"} status
 * @property {number} seconds
 * @property {Counts} counts
 */
import { spawn } from "node:child_process"
import { availableParallelism } from "node:os"
import { delimiter, join } from "node:path"
import { performance } from "node:perf_hooks"
import { stripVTControlCharacters } from "node:util"
import { root } from "./workspace.mjs"

/** @type {Stage} */
const installation = {
  name: "install",
  // for the status line: how much has been downloaded
  command: ["npm", "run", "--silent", "bootstrap", "--", "--loglevel", "info", "--reporter", "append-only"],
  counts: () => ({ passed: 0, failed: 0 })
}

/**
 * Installs what is missing, unless the first argument is `--installed`; then runs the stages and sets the exit code.
 *
 * @param {ReadonlyArray<Stage>} declared In the order in which they start where there is a choice.
 * @param {{ readonly label?: string }} options The word that stands before the counts in the closing line.
 */
export const main = async (declared, { label } = {}) => {
  const stages = process.argv[2] === "--installed" ? declared : [
    installation,
    ...declared.map((stage) => ({ ...stage, after: [installation.name, ...stage.after ?? []] }))
  ]
  const started = performance.now()
  const width = Math.max(...stages.map(({ name }) => name.length))
  const screen = statusLine()
  const results = await run(stages, {
    processors: Math.max(2, availableParallelism()),
    onStart: (stage) => screen.add(stage.name),
    onOutput: (stage, text) => screen.tell(stage.name, text),
    onEnd: (stage, result, output) => {
      screen.remove(stage.name)
      screen.print(line(result, width))
      // the whole of it, whose end is the summary
      if (result.status === "failed") screen.print(output.trimEnd())
      else stage.summary?.(stripVTControlCharacters(output)).forEach((text) => screen.print(`  ${text.trim()}`))
    }
  })
  const status = results.some((result) => result.status === "failed") ? "failed" : "passed"
  screen.print(line({ name: "all stages", status, seconds: (performance.now() - started) / 1000 }, width))
  screen.print(closing(results, label))
  process.exitCode = status === "passed" ? 0 : 1
}

/**
 * The line that sums up the results: `765 passed, 1 failed`, with `, 2 skipped` where there are any, and with what could
 * not be had.
 *
 * @param {ReadonlyArray<Result>} results
 * @param {string} [label]
 */
export const closing = (results, label) => {
  const sum = (key) => results.reduce((total, { counts }) => total + (counts[key] ?? 0), 0)
  const skipped = sum("skipped")
  const absent = results.flatMap(({ counts }) => counts.absent ?? [])
  return [
    label === undefined ? "" : `${label}: `,
    `${sum("passed")} passed, ${sum("failed")} failed`,
    skipped === 0 ? "" : `, ${skipped} skipped`,
    absent.length === 0 ? "" : ` (not to be had here: ${absent.join(", ")})`
  ].join("")
}

/** @param {Pick<Result, "name" | "status" | "seconds">} result */
const line = ({ name, seconds, status }, width) =>
  `${name.padEnd(width)}  ${{ passed: "ok", failed: "FAILED", skipped: "skipped" }[status].padEnd(7)}  ${
    seconds.toFixed(1).padStart(6)
  } s`

/**
 * Which stages start now: in their order, each whose predecessors have passed, as long as there is a processor for it.
 * And which cannot run any more, because a predecessor has not passed.
 */
export const next = (waiting, results, free) => {
  const starting = []
  const skipped = []
  for (const stage of waiting) {
    const before = (stage.after ?? []).map((name) => results.find((result) => result.name === name)?.status)
    if (before.some((status) => status === "failed" || status === "skipped")) {
      skipped.push(stage)
    } else if (before.every((status) => status === "passed")) {
      // those behind a stage that wants more processors than are free wait as well, so that its turn comes
      free -= stage.processors ?? 1
      if (free < 0) break
      starting.push(stage)
    }
  }
  return { starting, skipped }
}

const run = async (stages, { onEnd, onOutput, onStart, processors }) => {
  const results = []
  const running = new Map()
  let waiting = [...stages]
  const settle = (stage, result, output) => {
    results.push(result)
    onEnd(stage, result, output)
  }
  while (waiting.length + running.size > 0) {
    const busy = [...running.keys()].reduce((total, stage) => total + (stage.processors ?? 1), 0)
    const { skipped, starting } = next(waiting, results, processors - busy)
    waiting = waiting.filter((stage) => !starting.includes(stage) && !skipped.includes(stage))
    for (const stage of skipped) {
      settle(
        stage,
        { name: stage.name, status: "skipped", seconds: 0, counts: { passed: 0, failed: 0, skipped: 1 } },
        ""
      )
    }
    for (const stage of starting) {
      onStart(stage)
      running.set(stage, execute(stage, (text) => onOutput(stage, text)).then((ended) => ({ stage, ...ended })))
    }
    if (running.size === 0) continue
    const { output, result, stage } = await Promise.race(running.values())
    running.delete(stage)
    settle(stage, result, output)
  }
  return results
}

const execute = (stage, onOutput) =>
  new Promise((resolve) => {
    const started = performance.now()
    const [command, ...args] = stage.command
    const chunks = []
    const end = (ok) => {
      const seconds = (performance.now() - started) / 1000
      const output = chunks.join("")
      resolve({
        output,
        result: { name: stage.name, status: ok ? "passed" : "failed", seconds, counts: counted(stage, ok, output) }
      })
    }
    const child = spawn(command, args, {
      cwd: root,
      env: {
        ...process.env,
        PATH: [join(root, "node_modules/.bin"), process.env["PATH"]].join(delimiter),
        ...(process.stdout.isTTY && process.env["NO_COLOR"] === undefined ? { FORCE_COLOR: "1" } : {})
      },
      shell: process.platform === "win32",
      stdio: ["ignore", "pipe", "pipe"]
    })
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8")
      stream.on("data", (text) => {
        chunks.push(text)
        onOutput(text)
      })
    }
    child.on("error", (error) => {
      chunks.push(`${error.message}\n`)
      end(false)
    })
    child.on("close", (code, signal) => {
      if (signal !== null) chunks.push(`ended by ${signal}\n`)
      end(code === 0)
    })
  })

/** A stage that fails counts at least one failure, even where every test of it passes or none could be counted. */
const counted = (stage, ok, output) => {
  const counts = stage.counts?.(stripVTControlCharacters(output)) ?? { passed: ok ? 1 : 0, failed: 0 }
  return ok ? counts : { ...counts, failed: Math.max(1, counts.failed) }
}

/** On a terminal, the last line says what is running and what it said last. */
const statusLine = () => {
  const running = new Map()
  const clear = "\r\u001b[2K"
  const draw = () => {
    const text = [...running].map(([name, said]) => said === "" ? name : `${name}: ${said}`).join(" | ")
    if (process.stdout.isTTY) process.stdout.write(clear + text.slice(0, process.stdout.columns - 1))
  }
  return {
    add: (name) => {
      running.set(name, "")
      draw()
    },
    remove: (name) => {
      running.delete(name)
      draw()
    },
    tell: (name, text) => {
      const said = stripVTControlCharacters(text).trim().split("\n").at(-1)?.trim() ?? ""
      if (said !== "") running.set(name, said.slice(0, 60))
      draw()
    },
    print: (text) => {
      process.stdout.write(`${process.stdout.isTTY ? clear : ""}${text}\n`)
      draw()
    }
  }
}
