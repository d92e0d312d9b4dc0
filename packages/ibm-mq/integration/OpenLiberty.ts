/**
 * Open Liberty, the runtime under mqweb, on a loopback port: it issues and verifies genuine LTPA tokens. Needs a JDK 17
 * or later, OpenSSL, and Maven, which fetches the runtime once (350 MB, into `.cache`).
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Command from "@effect/platform/Command"
import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Net from "node:net"
import { fileURLToPath } from "node:url"

const version = "25.0.0.12"
const home = fileURLToPath(new URL(`../.cache/liberty-${version}`, import.meta.url))
const tools = `${home}/wlp/bin/tools`
const fixture = fileURLToPath(new URL("mqweb", import.meta.url))

/** A user of the registry, whose name the client certificate bears too. */
export const user = { username: "reader", password: "canary-password-liberty" }

/** Another one, without a certificate. */
export const writer = { username: "writer", password: "canary-password-writer" }

/** The name of its cookie before a restart. */
export const cookieName = "LtpaToken2_a1b2c3"

export interface Service {
  readonly baseUrl: string
  /** PEM: the server's own certificate with its key, and the client's. */
  readonly ca: string
  readonly serverKey: string
  readonly cert: string
  readonly key: string
  /** Replaces `ltpa.keys` under the running server, and waits until it refuses this cookie for it. */
  readonly swapKeys: (cookie: string) => Effect.Effect<void>
  /** Restarts the server with another name for its cookie; with `trackLogouts` it refuses what was logged out. */
  readonly restart: (cookieName: string, options?: { readonly trackLogouts: boolean }) => Effect.Effect<void>
}

export class OpenLiberty extends Context.Tag("@effect-auth/ibm-mq/integration/OpenLiberty")<OpenLiberty, Service>() {}

/** Runs a command that has to succeed. */
const run = (directory: string, command: string, ...args: ReadonlyArray<string>) =>
  Command.make(command, ...args).pipe(
    Command.workingDirectory(directory),
    Command.exitCode,
    Effect.filterOrDieMessage((code) => code === 0, `${command} ${args[0]} failed`)
  )

const download = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  if (yield* fs.exists(`${home}/complete`)) return
  yield* fs.makeDirectory(home, { recursive: true })
  const artifact = `io.openliberty:openliberty-runtime:${version}:zip`
  yield* run(home, "mvn", "-q", "-B", "dependency:copy", `-Dartifact=${artifact}`, `-DoutputDirectory=${home}`)
  yield* run(home, "jar", "xf", `openliberty-runtime-${version}.zip`)
  yield* fs.remove(`${home}/openliberty-runtime-${version}.zip`)
  yield* fs.writeFileString(`${home}/complete`, "")
})

const freePort = Effect.async<number>((resume) => {
  const server = Net.createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() => resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0)))
  })
})

const words = (line: string): ReadonlyArray<string> => line.split(" ")

const selfSigned = (server: string, name: string, commonName: string) =>
  run(
    server,
    "openssl",
    ...words("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"),
    ...words(`-subj /CN=${commonName} -addext subjectAltName=IP:127.0.0.1 -keyout ${name}.key -out ${name}.pem`)
  )

/** Lays out a server: the compiled servlet, the configuration, certificates, and a second set of LTPA keys. */
const configure = (server: string, { added }: Options) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const webInf = `${server}/apps/mqweb.war/WEB-INF`
    yield* fs.makeDirectory(`${webInf}/classes`, { recursive: true })
    yield* fs.copyFile(`${fixture}/server.xml`, `${server}/server.xml`)
    yield* fs.copyFile(`${fixture}/web.xml`, `${webInf}/web.xml`)
    if (added !== undefined) yield* fs.writeFileString(`${server}/added.xml`, added)
    const specifications = `${home}/wlp/dev/api/spec`
    const jars = yield* fs.readDirectory(specifications)
    const apis = jars.filter((jar) => /^io\.openliberty\.jakarta\.(?:servlet\.6\.0|jsonp\.2\.1)/.test(jar))
    const classPath = apis.map((jar) => `${specifications}/${jar}`).join(":")
    yield* run(fixture, "javac", "-cp", classPath, "-d", `${webInf}/classes`, "Mqweb.java")
    yield* selfSigned(server, "server", "localhost")
    yield* selfSigned(server, "client", user.username)
    yield* run(
      server,
      "openssl",
      ...words("pkcs12 -export -inkey server.key -in server.pem -out server.p12 -passout pass:canary-store")
    )
    yield* run(
      server,
      "keytool",
      ...words("-importcert -noprompt -alias client -file client.pem -keystore clients.p12 -storetype PKCS12"),
      ...words("-storepass canary-store")
    )
  })

/** Ends the server when its own input ends: with this process, in whatever way that comes to its end. */
const supervise = "\"$@\" > console.log 2>&1 & java=$!; trap : TERM; cat > /dev/null; kill $java; wait $java"

const serve = (directory: string, port: number, cookieName: string, trackLogouts: boolean) =>
  Command.start(
    Command.make(
      "sh",
      ...["-c", supervise, "sh", "java", `-javaagent:${tools}/ws-javaagent.jar`, "-jar", `${tools}/ws-server.jar`],
      "mqweb"
    ).pipe(
      Command.workingDirectory(directory),
      Command.env({
        WLP_USER_DIR: directory,
        HTTPS_PORT: String(port),
        SSO_COOKIE_NAME: cookieName,
        TRACK_LOGOUTS: String(trackLogouts)
      })
    )
  )

export interface Options {
  /** What an administrator has added to the configuration, as a `<server>` of its own. Default: nothing. */
  readonly added?: string
}

const make = (options: Options) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const context = yield* Effect.context<NodeContext.NodeContext>()
    yield* download
    const directory = yield* fs.makeTempDirectoryScoped()
    const server = `${directory}/servers/mqweb`
    yield* configure(server, options)
    const [ca, serverKey, cert, key] = yield* Effect.all(
      ["server.pem", "server.key", "client.pem", "client.key"].map((file) => fs.readFileString(`${server}/${file}`))
    )
    const port = yield* freePort
    const baseUrl = `https://127.0.0.1:${port}/ibmmq/rest/v3`

    /** Waits until the server answers that it does not know who is asking. */
    const refused = (headers: Readonly<Record<string, string>>) =>
      HttpClient.execute(HttpClientRequest.get(`${baseUrl}/login`, { headers })).pipe(
        Effect.filterOrFail((response) => response.status === 401),
        Effect.retry(Schedule.spaced("250 millis").pipe(Schedule.upTo("100 seconds"))),
        Effect.provide(layerTransport({ ca: ca! })),
        Effect.orDie,
        Effect.asVoid
      )

    const scope = yield* Scope.make()
    const running = yield* Ref.make(scope)
    yield* Effect.addFinalizer((exit) => Effect.flatMap(Ref.get(running), (scope) => Scope.close(scope, exit)))
    const start = (cookieName: string, trackLogouts = false) =>
      Effect.flatMap(Ref.get(running), (scope) => Scope.extend(serve(directory, port, cookieName, trackLogouts), scope))
        .pipe(
          Effect.zipRight(refused({})),
          Effect.orDie,
          Effect.provide(context)
        )
    yield* start(cookieName)

    const service: Service = {
      baseUrl,
      ca: ca!,
      serverKey: serverKey!,
      cert: cert!,
      key: key!,
      swapKeys: (cookie) =>
        run(
          server,
          "java",
          ...words(`-jar ${tools}/ws-securityutil.jar createLTPAKeys --password=canary-ltpa --file=new.keys`)
        ).pipe(
          Effect.zipRight(fs.rename(`${server}/new.keys`, `${server}/ltpa.keys`)),
          Effect.zipRight(refused({ cookie })),
          Effect.orDie,
          Effect.provide(context)
        ),
      restart: (cookieName, options) =>
        Effect.flatMap(Scope.make(), (next) => Ref.getAndSet(running, next)).pipe(
          Effect.flatMap((scope) => Scope.close(scope, Exit.void)),
          Effect.zipRight(start(cookieName, options?.trackLogouts))
        )
    }
    return service
  })

/** The platform's client over TLS that trusts the server. */
export const layerTransport = (tls: {
  readonly ca: string
  readonly cert?: string
  readonly key?: string
}): Layer.Layer<HttpClient.HttpClient> =>
  NodeHttpClient.layerWithoutAgent.pipe(Layer.provide(NodeHttpClient.makeAgentLayer({ ...tls, keepAlive: true })))

export const layerWith = (options: Options): Layer.Layer<OpenLiberty> =>
  Layer.scoped(OpenLiberty, Effect.orDie(make(options))).pipe(Layer.provide(NodeContext.layer))

export const layer = layerWith({})
