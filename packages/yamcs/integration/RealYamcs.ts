/**
 * A real Yamcs server on a loopback port. Its jars come from Maven Central into a cache directory that is never
 * committed; Java 17 and Maven have to be there. A server ends with its Scope, or with this process.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import { createServer } from "node:net"
import { fileURLToPath } from "node:url"
import * as Processes from "./processes.ts"

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

const pom = here("yamcs/pom.xml")
const cache = here("../.cache/yamcs")

/** The only user. */
export const admin = { username: "admin", password: "canary-password-real-yamcs" }

export interface RealYamcs {
  readonly baseUrl: string
  /** Where it runs. */
  readonly directory: string
  /** Starts the server and waits until it answers; it ends with `stop`, or with the Scope of `make`. */
  readonly start: Effect.Effect<void, unknown>
  readonly stop: Effect.Effect<void>
  /** Sends the server a signal and waits for its end. */
  readonly end: (signal: "TERM" | "KILL") => Effect.Effect<void, unknown>
  /** The status of each answer of the token endpoint so far, in order, from the server's own log. */
  readonly tokenAnswers: Effect.Effect<ReadonlyArray<string>, PlatformError>
}

/** Downloads the jars unless they are there for exactly this POM. */
const jars = Effect.gen(function*() {
  const files = yield* FileSystem.FileSystem
  const wanted = yield* files.readFileString(pom)
  const had = yield* Effect.orElseSucceed(files.readFileString(`${cache}/pom.xml`), () => "")
  if (had === wanted) return `${cache}/lib/*`
  yield* files.remove(cache, { recursive: true, force: true })
  yield* files.makeDirectory(cache, { recursive: true })
  const copying = ["dependency:copy-dependencies", "-DincludeScope=runtime", `-DoutputDirectory=${cache}/lib`]
  const code = yield* Processes.run("mvn", ["-q", "-B", "-f", pom, ...copying])
  if (code !== 0) return yield* Effect.dieMessage(`Maven could not fetch yamcs-core (exit code ${code})`)
  yield* files.writeFileString(`${cache}/pom.xml`, wanted)
  return `${cache}/lib/*`
})

export interface Options {
  /** What users are told by. Default: a file of names and passwords. */
  readonly authModules?: ReadonlyArray<AuthModule> | undefined
  /** Settings of Java, such as `-Djava.security.krb5.conf=...`. */
  readonly java?: ReadonlyArray<string> | undefined
  /** How long access tokens live, in milliseconds. Default: 3 seconds. */
  readonly accessTokenLifespan?: number | undefined
  /** Admits everyone as a guest. Default: no. */
  readonly open?: boolean | undefined
  /** Names of instances; the files say what they are. Default: none. */
  readonly instances?: ReadonlyArray<string> | undefined
  /** More files of its directory, by path; what is no text is written as YAML. */
  readonly files?: Readonly<Record<string, unknown>> | undefined
}

export interface AuthModule {
  readonly class: string
  readonly args?: Readonly<Record<string, string>>
}

/** An instance to subscribe to, with a processor and events, and a script that shows the API key that the server gave it. */
export const simulator: Options = {
  instances: ["simulator"],
  files: {
    "etc/yamcs.simulator.yaml": {
      services: [
        { class: "org.yamcs.archive.EventRecorder" },
        { class: "org.yamcs.ProcessorCreatorService", args: { name: "realtime", type: "realtime" } }
      ],
      mdb: [],
      streamConfig: { event: ["events_realtime"], tm: ["tm_realtime"], param: ["sys_param"] }
    },
    "etc/processor.yaml": { realtime: { services: [] } },
    "etc/scripts/key.sh": "#!/bin/sh\nprintf %s \"$YAMCS_API_KEY\" > \"$1\"\nexec sleep 60\n"
  }
}

/** The users of {@link admin}'s kind, beside those of other modules. */
export const ofFile: AuthModule = { class: "org.yamcs.security.YamlAuthModule" }

/** Prepares a server of its own: data directory, port and users. It has to be started. */
export const makeWith = (options: Options): Effect.Effect<
  RealYamcs,
  PlatformError,
  FileSystem.FileSystem | Processes.Runner | HttpClient.HttpClient | Scope.Scope
> =>
  Effect.gen(function*() {
    const files = yield* FileSystem.FileSystem
    const http = yield* HttpClient.HttpClient
    const context = yield* Effect.context<Processes.Runner>()
    const outer = yield* Effect.scope
    const classPath = yield* jars
    const directory = yield* files.makeTempDirectoryScoped({ prefix: "yamcs-" })
    const port = yield* freePort
    const baseUrl = `http://127.0.0.1:${port}`
    const log = `${directory}/log`
    yield* files.makeDirectory(`${directory}/etc/scripts`, { recursive: true })
    yield* Effect.forEach(
      Object.entries(settings(port, options)),
      ([name, value]) => files.writeFileString(`${directory}/etc/${name}.yaml`, JSON.stringify(value))
    ) // JSON is YAML
    yield* Effect.forEach(Object.entries(options.files ?? {}), ([name, value]) => {
      const text = typeof value === "string" ? value : JSON.stringify(value)
      return files.writeFileString(`${directory}/${name}`, text, { mode: 0o755 })
    })

    const answers = http.get(`${baseUrl}/auth`).pipe(
      Effect.tap((response) => response.text),
      Effect.retry(Schedule.spaced("100 millis")),
      Effect.timeoutFail({
        duration: Duration.seconds(60),
        onTimeout: () => `the server did not answer within a minute; see ${log}`
      })
    )

    const server = Processes.start("sh", ["-c", supervised, "yamcs", classPath, ...(options.java ?? [])], { directory })

    const running: { scope: Scope.CloseableScope | undefined; process: Processes.Process | undefined } = {
      scope: undefined,
      process: undefined
    }
    const stop = Effect.suspend(() => {
      const { scope } = running
      running.scope = undefined
      return scope === undefined ? Effect.void : Scope.close(scope, Exit.void)
    })

    const start = Effect.gen(function*() {
      const scope = yield* Scope.fork(outer, ExecutionStrategy.sequential)
      running.scope = scope
      running.process = yield* server.pipe(Scope.extend(scope), Effect.provide(context))
      yield* answers
    })

    const end = (signal: "TERM" | "KILL") =>
      Effect.gen(function*() {
        const pid = yield* files.readFileString(`${directory}/pid`)
        yield* Effect.provide(Processes.run("kill", [`-${signal}`, pid.trim()]), context)
        if (running.process !== undefined) yield* Effect.timeout(running.process.exitCode, "30 seconds")
        yield* stop
      })

    return {
      baseUrl,
      directory,
      start,
      stop,
      end,
      tokenAnswers: Effect.map(
        files.readFileString(log),
        (text) => Array.from(text.matchAll(/POST \/auth\/token (\d{3})$/gmu), ([, status = ""]) => status)
      )
    }
  })

/** {@link makeWith}, with names and passwords in a file. */
export const make = makeWith({})

/**
 * Ends the server when it is told to, and when the pipe to its parent breaks: however this process ends, no server is
 * left behind. What is read of its log has no colours: `--no-color` would turn them on where NO_COLOR is set already.
 */
const supervised = `
exec 3<&0
path=$1
shift
YAMCS_NO_COLOR=1 java -Xmx256m "$@" -cp "$path" org.yamcs.YamcsServer --etc-dir etc --data-dir data < /dev/null >> log 2>&1 &
server=$!
echo $server > pid
(read -r _ <&3; kill -9 $server) &
parent=$!
trap 'kill -9 $server' TERM
wait $server
wait $server
kill $parent
`

const settings = (
  port: number,
  { accessTokenLifespan = 3000, authModules = [ofFile], instances = [], open = false }: Options
) => ({
  yamcs: {
    dataDir: "data",
    instances,
    services: [{
      class: "org.yamcs.http.HttpServer",
      args: { address: "127.0.0.1", port, maxAuthRequestsPerSecond: 5 }
    }]
  },
  security: {
    enabled: !open,
    accessTokenLifespan,
    authModules
  },
  users: { [admin.username]: { password: admin.password, superuser: true } }
})

/** A port that was free a moment ago: the server has no way to tell which one it chose. */
const freePort = Effect.async<number>((resume) => {
  const probe = createServer()
  probe.listen(0, "127.0.0.1", () => {
    const address = probe.address()
    probe.close(() => resume(Effect.succeed(address !== null && typeof address === "object" ? address.port : 0)))
  })
})
