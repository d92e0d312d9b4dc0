import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import type { ClientCertificateError } from "@effect-auth/core/AuthError"
import { HandshakeFailed } from "@effect-auth/core/AuthError"
import * as AuthEvent from "@effect-auth/core/AuthEvent"
import * as Credential from "@effect-auth/core/ClientCertificate"
import { MutualTls } from "@effect-auth/core/MutualTls"
import * as RequestCredentials from "@effect-auth/core/RequestCredentials"
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import * as TestServices from "effect/TestServices"
import { execFileSync } from "node:child_process"
import * as NFS from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import * as ClientCertificate from "../src/ClientCertificate.ts"
import * as MutualTlsServer from "./fixtures/mutualTls.ts"
import * as Pki from "./fixtures/pki.ts"

const ours = Pki.authority("Test CA")
const theirs = Pki.authority("Foreign CA")
const serverPair = ours.issue()
const clientPair = ours.issue({ name: "client" })
const passphrase = Redacted.make(Pki.passphrase)

type Fields = ConstructorParameters<typeof Credential.ClientCertificate>[0]

const certificate = (fields: Fields) => new Credential.ClientCertificate({ ca: ours.pem, caOnly: true, ...fields })

const inline = (pair: Pki.Pair) => ({
  certificate: Redacted.make(pair.certificate),
  key: Redacted.make(pair.key)
})

/** The clock's time in tests that drive it: certificates are made for now. */
const now = Date.now()

const acceptable = { pair: serverPair, trusts: ours.pem, rejectUnauthorized: true }

const text = (url: string) =>
  Effect.flatMap(HttpClient.HttpClient, (client) => Effect.flatMap(client.get(url), (response) => response.text))

const transports = [
  { name: "undici", layer: ClientCertificate.layerUndici, make: ClientCertificate.makeUndici },
  { name: "node:http", layer: ClientCertificate.layerNodeHttp, make: ClientCertificate.makeNodeHttp }
]

const temporary = (files: Record<string, string | Uint8Array>) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const directory = yield* fs.makeTempDirectoryScoped()
    const write = (name: string, content: string | Uint8Array) =>
      fs.writeFile(`${directory}/${name}`, Buffer.from(content))
    yield* Effect.forEach(Object.entries(files), ([name, content]) => write(name, content))
    return { path: (name: string) => `${directory}/${name}`, write }
  })

transports.forEach(({ layer, make, name }) =>
  describe(`ClientCertificate over ${name}`, () => {
    it.scopedLive("presents a certificate in every form that it can be given", () =>
      Effect.gen(function*() {
        const server = yield* MutualTlsServer.server(acceptable)
        const files = yield* temporary({
          "client.pem": clientPair.certificate,
          "client.key": clientPair.key,
          "encrypted.key": Pki.encryptedKey(clientPair),
          "all.pem": clientPair.key + clientPair.certificate,
          "client.p12": Pki.pkcs12(clientPair),
          "ca.pem": ours.pem
        })
        const forms: ReadonlyArray<Fields> = [
          { certificateFile: files.path("client.pem"), keyFile: files.path("client.key") },
          { certificateFile: files.path("client.pem"), keyFile: files.path("encrypted.key"), passphrase },
          { certificateFile: files.path("all.pem") },
          { pkcs12File: files.path("client.p12"), passphrase },
          inline(clientPair),
          { certificate: Redacted.make(clientPair.certificate + Pki.encryptedKey(clientPair)), passphrase },
          { pkcs12: Redacted.make(Pki.pkcs12(clientPair).toString("base64")), passphrase }
        ]
        for (const fields of forms) {
          const seen = yield* Effect.provide(text(server.url), layer({ credential: certificate(fields) }))
          assert.strictEqual(seen, clientPair.serial)
        }
        const byFile = new Credential.ClientCertificate({ ...inline(clientPair), caFile: files.path("ca.pem") })
        assert.strictEqual(
          yield* Effect.provide(text(server.url), layer({ credential: byFile })),
          clientPair.serial
        )
      }).pipe(Effect.provide(NodeFileSystem.layer)))

    it.scopedLive("keeps connections: no handshake per request", () =>
      Effect.gen(function*() {
        const server = yield* MutualTlsServer.server(acceptable)
        yield* Effect.provide(
          Effect.forEach(Array.from({ length: 100 }), () => text(server.url), { concurrency: 20 }),
          layer({ credential: certificate(inline(clientPair)), connections: 5 })
        )
        assert.isAtMost(server.connections(), 5)
      }))

    it.scopedLive("gives evidence that names the certificate's subject", () =>
      Effect.gen(function*() {
        const { subject } = yield* Effect.provide(MutualTls, layer({ credential: certificate(inline(clientPair)) }))
        assert.deepStrictEqual(subject, Option.some("CN=client"))
      }))

    it.scopedLive("combines with a password and with a session cookie", () =>
      Effect.gen(function*() {
        const server = yield* MutualTlsServer.server(acceptable)
        const transport = layer({ credential: certificate(inline(clientPair)) })
        const basic = Authenticator.basic({ username: "reader", password: Redacted.make("canary") })
        const tokens = yield* TokenSource.make({ login: Token.make({ value: "canary" }) })
        const session = Authenticator.fromTokens(tokens, {
          mode: "Test/Session",
          credentials: (token) => RequestCredentials.cookie("session", token.value)
        })
        for (
          const [authenticator, seen] of [
            [basic, `${clientPair.serial} Basic ${btoa("reader:canary")}`],
            [session, clientPair.serial]
          ] as const
        ) {
          const answer = yield* AuthenticatedHttpClient.make(authenticator, { baseUrl: server.url }).pipe(
            Effect.flatMap((client) => client.get("/")),
            Effect.flatMap((response) => response.text),
            Effect.provide(transport)
          )
          assert.strictEqual(answer, seen)
        }
      }))

    it.scopedLive("takes the server's name from the credential where it is not the host's", () =>
      Effect.gen(function*() {
        const server = yield* MutualTlsServer.server({ ...acceptable, pair: ours.issue({ name: "mq.example" }) })
        const get = (serverName?: string) =>
          Effect.provide(text(server.url), layer({ credential: certificate({ ...inline(clientPair), serverName }) }))
        assert.strictEqual(yield* get("mq.example"), clientPair.serial)
        assert.strictEqual((yield* handshake(get())).reason, "ServerNameMismatch")
      }))

    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      it.scopedLive(`says which side does not trust the other (${maxVersion})`, () =>
        Effect.gen(function*() {
          const requests: ReadonlyArray<readonly [Partial<MutualTlsServer.Options>, Fields, string]> = [
            [{ pair: theirs.issue() }, inline(clientPair), "ServerUntrusted"],
            [{ pair: ours.issue({ from: -3, to: -1 }) }, inline(clientPair), "ServerCertificateExpired"],
            [{}, inline(theirs.issue({ name: "stranger" })), "refused"]
          ]
          for (const [server, fields, reason] of requests) {
            const { url } = yield* MutualTlsServer.server({ ...acceptable, ...server })
            const failure = yield* handshake(
              Effect.provide(text(`${url}/things?key=canary`), layer({ credential: certificate(fields), maxVersion }))
            )
            assert.strictEqual(failure.url, `${url}/things`)
            if (reason === "refused") {
              // Node's server tells some clients and hangs up on the others
              assert.include(["Closed", "CertificateRefused"], failure.reason)
              assert.include(failure.message, "CN=stranger, signed by CN=Foreign CA")
            } else assert.strictEqual(failure.reason, reason)
          }
        }))
    }

    it.scopedLive("the reason stays known behind an authenticated client", () =>
      Effect.gen(function*() {
        const { url } = yield* MutualTlsServer.server({ ...acceptable, pair: theirs.issue() })
        const basic = Authenticator.basic({ username: "reader", password: Redacted.make("canary") })
        const error = yield* AuthenticatedHttpClient.make(basic, { baseUrl: url }).pipe(
          Effect.flatMap((client) => client.get("/")),
          Effect.flip,
          Effect.provide(layer({ credential: certificate(inline(clientPair)) }))
        )
        assert.strictEqual(error._tag, "RequestError")
        assert.instanceOf(error.cause, HandshakeFailed)
        assert.include(error.message, "not signed by an authority that this client trusts (only the given ca)")
      }))

    it.scoped("new files are presented by new connections while requests in flight end well", () =>
      Effect.gen(function*() {
        const first = ours.issue({ name: `${name}: first` })
        const files = yield* temporary({ "all.pem": first.certificate + first.key })
        const server = yield* MutualTlsServer.server(acceptable)
        yield* TestClock.setTime(now)
        const events = yield* AuthEvent.subscribe
        const services = yield* make({ credential: certificate({ certificateFile: files.path("all.pem") }) })
        const get = (path: string) => Effect.provide(text(server.url + path), services)
        assert.strictEqual(yield* get("/"), first.serial)
        const held = yield* Effect.fork(get("/held"))
        yield* Effect.repeat(live("5 millis"), { until: () => server.held() === 1 })
        const renewed = ours.issue({ name: `${name}: renewed` })
        yield* files.write("all.pem", renewed.certificate + renewed.key)
        yield* TestClock.adjust("10 seconds")
        yield* eventually(events, "CertificateInstalled", `CN=${name}: renewed`)
        assert.strictEqual(yield* get("/"), renewed.serial)
        server.release()
        assert.strictEqual(yield* Fiber.join(held), first.serial)
        const { subject } = yield* Effect.provide(MutualTls, services)
        assert.deepStrictEqual(subject, Option.some(`CN=${name}: renewed`))
      }).pipe(Effect.provide([NodeFileSystem.layer, AuthEvent.layer])))

    it.scoped("a broken new file is reported once and the old certificate goes on", () =>
      Effect.gen(function*() {
        const kept = ours.issue({ name: `${name}: kept` })
        const files = yield* temporary({ "c.pem": kept.certificate, "c.key": kept.key })
        const server = yield* MutualTlsServer.server(acceptable)
        yield* TestClock.setTime(now)
        const events = yield* AuthEvent.subscribe
        const services = yield* make({
          credential: certificate({ certificateFile: files.path("c.pem"), keyFile: files.path("c.key") })
        })
        yield* eventually(events, "CertificateInstalled", `CN=${name}: kept`)
        yield* files.write("c.key", ours.issue({ ownKey: true }).key)
        // the first look may have come between two writes; the second one tells
        for (let look = 0; look < 5; look++) {
          yield* TestClock.adjust("10 seconds")
          yield* live("50 millis")
        }
        const [event, ...others] = Array.from(yield* Queue.takeAll(events)).filter(isAbout(`CN=${name}: kept`))
        assert.deepStrictEqual(others, [])
        assert.strictEqual(event?._tag, "CertificateNotReplaced")
        assert.include(event === undefined ? "" : AuthEvent.format(event), "does not belong to the first certificate")
        assert.strictEqual(yield* Effect.provide(text(server.url), services), kept.serial)
      }).pipe(Effect.provide([NodeFileSystem.layer, AuthEvent.layer])))
  })
)

describe("ClientCertificate", () => {
  it.scopedLive("what cannot be used is told while the layer is built, with what to do", () =>
    Effect.gen(function*() {
      const other = ours.issue({ ownKey: true })
      const files = yield* temporary({ "old.p12": Pki.legacyPkcs12(clientPair), "client.pem": clientPair.certificate })
      const key = Redacted.make(clientPair.key)
      const encrypted = Redacted.make(Pki.encryptedKey(clientPair))
      const pem = Redacted.make(clientPair.certificate)
      const p12 = Redacted.make(Pki.pkcs12(clientPair).toString("base64"))
      const wrong = Redacted.make("canary-wrong")
      const cases: ReadonlyArray<readonly [Fields, ClientCertificateError["reason"], string]> = [
        [
          { certificateFile: "/nowhere/client.pem" },
          "Unreadable",
          "certificateFile /nowhere/client.pem: the file does not exist"
        ],
        [{ certificate: pem, caFile: "/nowhere/ca.pem", ca: undefined }, "Unreadable", "caFile /nowhere/ca.pem"],
        [{ certificate: Redacted.make("canary") }, "Malformed", "no PEM certificate"],
        [{ certificate: pem }, "Malformed", "no PEM private key"],
        [{ certificate: pem, key, ca: "nonsense" }, "Malformed", "certificate of an authority"],
        [{ pkcs12: Redacted.make("canary") }, "Malformed", "not PKCS#12"],
        [{ certificate: pem, key: encrypted }, "PassphraseRejected", "give its passphrase"],
        [{ certificate: pem, key: encrypted, passphrase: wrong }, "PassphraseRejected", "does not decrypt"],
        [{ pkcs12: p12 }, "PassphraseRejected", "give its passphrase"],
        [{ pkcs12: p12, passphrase: wrong }, "PassphraseRejected", "does not open"],
        [
          { certificateFile: files.path("client.pem"), key: Redacted.make(other.key) },
          "KeyMismatch",
          "client.pem (CN=client)"
        ],
        [inline(ours.issue({ from: -3, to: -1 })), "Expired", "expired on"],
        [inline(ours.issue({ from: 1 })), "NotYetValid", "not valid before"],
        [{ pkcs12File: files.path("old.p12"), passphrase }, "LegacyPkcs12", "openssl pkcs12 -legacy"]
      ]
      for (const [fields, reason, words] of cases) {
        const error = yield* Effect.flip(
          Effect.scoped(Layer.build(ClientCertificate.layerNodeHttp({ credential: certificate(fields) })))
        )
        assert.deepInclude(error, { _tag: "ClientCertificateError", reason })
        assert.include(error.message, words)
        assert.notInclude(`${String(error)} ${JSON.stringify(error)}`, "canary")
      }
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scoped("warns once at each threshold, tells the days left, and says when it is too late", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(now)
      const events = yield* AuthEvent.subscribe
      yield* ClientCertificate.makeUndici({
        credential: certificate(inline(ours.issue({ name: "short", to: 31 }))),
        reload: Schedule.spaced("6 hours")
      })
      const warnings = Effect.map(
        Queue.takeAll(events),
        (all) =>
          Array.from(all).flatMap((event) => event._tag === "CertificateExpiring" ? [AuthEvent.format(event)] : [])
      )
      assert.deepStrictEqual(yield* warnings, [])
      const quarters = Array.from({ length: 32 * 4 })
      const seen = yield* Effect.forEach(quarters, () => Effect.zipRight(TestClock.adjust("6 hours"), warnings))
      assert.deepStrictEqual(seen.flat().map((line) => line.replace(/^.*\) /, "")), [
        "expires in 30 days",
        "expires in 7 days",
        "expires in less than a day",
        "has expired"
      ])
      const gauge = yield* Metric.value(Metric.tagged(AuthEvent.metrics.certificateDaysLeft, "subject", "CN=short"))
      assert.approximately(gauge.value, -1, 0.3)
    }).pipe(Effect.provide([NodeFileSystem.layer, AuthEvent.layer])))

  it.effect.each([
    { name: "undici", layer: ClientCertificate.layerUndiciConfig },
    { name: "node:http", layer: ClientCertificate.layerNodeHttpConfig }
  ])("says which variables to set: $name", ({ layer }) =>
    Effect.gen(function*() {
      const credential = Config.nested(Credential.config("ACME"), "PROD")
      const shown = (environment: Record<string, string>) =>
        layer({ credential }).pipe(
          Layer.provide(
            Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(environment)), { pathDelim: "_" }))
          ),
          Layer.build,
          Effect.scoped,
          Effect.flip,
          Effect.map(String)
        )
      assert.strictEqual(
        yield* shown({}),
        "(Missing data at PROD_ACME: \"one of these groups of variables is needed, and none is complete; what is missing:" +
          ["CERTIFICATE_FILE", "CERTIFICATE", "PKCS12_FILE", "PKCS12"].map((name) => `\n  PROD_ACME_${name}`).join(
            "\nor"
          ) +
          "\")"
      )
      assert.include(
        yield* shown({ PROD_ACME_PKCS12_FILE: "client.p12", PROD_ACME_CA_ONLY: "perhaps" }),
        "Invalid data at PROD_ACME_CA_ONLY: "
      )
    }))

  it.scopedLive("reads its settings from Config", () =>
    Effect.gen(function*() {
      const server = yield* MutualTlsServer.server(acceptable)
      const environment = new Map([
        ["ACME_CERTIFICATE", clientPair.certificate],
        ["ACME_KEY", clientPair.key],
        ["ACME_CA", ours.pem],
        ["ACME_CA_ONLY", "true"]
      ])
      const seen = yield* text(server.url).pipe(
        Effect.provide(ClientCertificate.layerUndiciConfig({ credential: Credential.config("ACME") })),
        Effect.provide(Layer.setConfigProvider(ConfigProvider.fromMap(environment)))
      )
      assert.strictEqual(seen, clientPair.serial)
    }))

  it.effect.each([0, -1, 1.5, NaN, Infinity, 1e300])(
    "is not made with %s connections, which would serve nobody",
    (connections) =>
      Effect.gen(function*() {
        for (const layer of [ClientCertificate.layerUndici, ClientCertificate.layerNodeHttp]) {
          const error = yield* Effect.flip(
            Layer.build(layer({ credential: certificate(inline(clientPair)), connections }))
          )
          assert.strictEqual(error.message, "connections: must be a whole number, at least 1")
        }
      }).pipe(Effect.scoped)
  )

  it.scopedLive("does not read a file that has no end", () =>
    Effect.gen(function*() {
      const credential = certificate({ certificateFile: "/dev/zero" })
      const error = yield* Effect.flip(Layer.build(ClientCertificate.layerUndici({ credential })))
      assert.include(error.message, "certificateFile /dev/zero: the file is longer than any of these")
    }))

  it.scoped("waits ten seconds for a pipe that nobody writes to", () =>
    Effect.gen(function*() {
      const pipe = path.join(NFS.mkdtempSync(path.join(tmpdir(), "effect-auth-")), "certificate")
      execFileSync("mkfifo", [pipe])
      // the thread that waits for a writer has to end with the test
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => NFS.closeSync(NFS.openSync(pipe, NFS.constants.O_WRONLY | NFS.constants.O_NONBLOCK)))
      )
      const credential = certificate({ certificateFile: pipe })
      const building = yield* Effect.fork(
        Effect.flip(Layer.build(ClientCertificate.layerUndici({ credential })))
      )
      yield* TestClock.adjust("10 seconds")
      assert.include((yield* Fiber.join(building)).message, "the file cannot be read in time")
    }))

  for (const layerConfig of ["layerUndiciConfig", "layerNodeHttpConfig"] as const) {
    it.effect(`${layerConfig} says which variables to set, each once and one on a line`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(Layer.build(ClientCertificate[layerConfig]({
          credential: Config.map(Config.string("ACME_P12"), (pkcs12File) => certificate({ pkcs12File })),
          connections: Config.integer("ACME_CONNECTIONS")
        })))
        assert.strictEqual(
          String(error),
          "(Missing data at ACME: \"these variables are not set:\n  ACME_P12\n  ACME_CONNECTIONS\")"
        )
      }).pipe(Effect.scoped, Effect.withConfigProvider(ConfigProvider.fromMap(new Map()))))
  }
})

/** Real time, for sockets and files; the clock is the test's. */
const live = (duration: Duration.DurationInput) => TestServices.provideLive(Effect.sleep(duration))

/** Other tests run at the same time, and their events may be seen here, too. */
const isAbout = (subject: string) => (event: AuthEvent.AuthEvent): boolean =>
  Predicate.hasProperty(event, "subject") && event.subject === subject

/** Waits until an event of a kind has come for a certificate. */
const eventually = (
  events: Queue.Dequeue<AuthEvent.AuthEvent>,
  tag: AuthEvent.AuthEvent["_tag"],
  subject: string
): Effect.Effect<void> =>
  Effect.flatMap(
    Queue.take(events),
    (event) => event._tag === tag && isAbout(subject)(event) ? Effect.void : eventually(events, tag, subject)
  )

/** The handshake's failure that a request fails with. */
const handshake = <A, E, R>(request: Effect.Effect<A, E, R>): Effect.Effect<HandshakeFailed, A, R> =>
  Effect.map(Effect.flip(request), (error) => {
    assert.isTrue(Predicate.hasProperty(error, "cause") && error.cause instanceof HandshakeFailed, String(error))
    return (error as { readonly cause: HandshakeFailed }).cause
  })
