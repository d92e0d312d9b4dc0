/**
 * From a credential to what TLS needs: files are read, then certificate and key are checked against each other and
 * against the clock, so that a problem is reported here and not by a server that hangs up.
 */
import { ClientCertificateError } from "@effect-auth/core/AuthError"
import type * as Credential from "@effect-auth/core/ClientCertificate"
import type { PlatformError } from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as Crypto from "node:crypto"
import { Duplex } from "node:stream"
import * as Tls from "node:tls"
import * as Pem from "./pem.ts"

/** A part of a credential as it was read, and its source. */
interface Part {
  readonly source: string
  readonly content: Redacted.Redacted<Buffer>
}

/** Everything a credential refers to. `digest` changes when any of it does. */
export interface Material {
  readonly identity:
    | { readonly _tag: "Pem"; readonly certificate: Part; readonly key: Part }
    | { readonly _tag: "Pkcs12"; readonly archive: Part }
  readonly ca: Part | undefined
  readonly digest: string
}

/** A certificate that is ready to be presented. Times are in epoch milliseconds. */
export interface Identity {
  readonly secureContext: Tls.SecureContext
  readonly subject: Option.Option<string>
  readonly issuer: string
  readonly serialNumber: string
  readonly notAfter: number
  readonly digest: string
}

/** Reads everything the credential refers to. */
export const read = (
  fs: FileSystem.FileSystem,
  credential: Credential.ClientCertificate
): Effect.Effect<Material, ClientCertificateError> => {
  const part = (
    name: "certificate" | "key" | "pkcs12",
    encoding: "utf8" | "base64"
  ): Effect.Effect<Part | undefined, ClientCertificateError> => {
    const inline = credential[name]
    return inline === undefined
      ? file(`${name}File`)
      : Effect.succeed({ source: name, content: Redacted.make(Buffer.from(Redacted.value(inline), encoding)) })
  }
  const file = (
    name: "certificateFile" | "keyFile" | "pkcs12File"
  ): Effect.Effect<Part | undefined, ClientCertificateError> => readFile(fs, name, credential[name])
  return Effect.gen(function*() {
    const archive = yield* part("pkcs12", "base64")
    const certificate = yield* part("certificate", "utf8")
    const key = yield* part("key", "utf8")
    const ca = yield* readAuthorities(fs, credential)
    const digest = Crypto.createHash("sha256")
    for (const part of [archive, certificate, key, ca]) {
      digest.update(
        part === undefined ? "-" : Crypto.createHash("sha256").update(Redacted.value(part.content)).digest()
      )
    }
    const pem = certificate ?? { source: "certificate", content: Redacted.make(Buffer.alloc(0)) }
    return {
      identity: archive === undefined
        ? { _tag: "Pem", certificate: pem, key: key ?? pem }
        : { _tag: "Pkcs12", archive },
      ca,
      digest: digest.digest("hex")
    }
  })
}

/** The authorities to trust, as they are given. */
export interface Trust {
  readonly ca?: string | undefined
  readonly caFile?: string | undefined
  readonly caOnly?: boolean | undefined
}

/** Reads the authorities; none means those that come with Node. */
export const readAuthorities = (
  fs: FileSystem.FileSystem,
  { ca, caFile }: Trust
): Effect.Effect<Part | undefined, ClientCertificateError> =>
  ca === undefined
    ? readFile(fs, "caFile", caFile)
    : Effect.succeed({ source: "ca", content: Redacted.make(Buffer.from(ca)) })

/** The settings of connections that present no certificate. */
export const anonymous = (
  ca: Part | undefined,
  { caOnly, maxVersion }: Trust & TlsOptions
): Either.Either<Tls.SecureContext, ClientCertificateError> =>
  Either.flatMap(shared(ca, caOnly === true, maxVersion), (options) => createContext(options, ca?.source ?? "ca"))

/** What was trusted, in words. */
export const trustedBy = ({ ca, caFile, caOnly }: Trust): string => {
  const given = caFile ?? (ca === undefined ? undefined : "the given ca")
  if (given === undefined) return "those that come with Node"
  return caOnly === true ? `only ${given}` : `${given} and those that come with Node`
}

interface TlsOptions {
  readonly maxVersion?: "TLSv1.2" | "TLSv1.3" | undefined
}

/** Checks what was read, at a time in epoch milliseconds. */
export const parse = (
  material: Material,
  credential: Credential.ClientCertificate,
  tls: TlsOptions,
  now: number
): Either.Either<Identity, ClientCertificateError> =>
  Either.gen(function*() {
    const passphrase = credential.passphrase === undefined ? undefined : Redacted.value(credential.passphrase)
    const options: Tls.SecureContextOptions = {
      ...(yield* shared(material.ca, credential.caOnly === true, tls.maxVersion)),
      ...(passphrase === undefined ? undefined : { passphrase })
    }
    const { certificate, secureContext, source } = material.identity._tag === "Pem"
      ? yield* fromPem(material.identity.certificate, material.identity.key, passphrase, options)
      : yield* fromPkcs12(material.identity.archive, options)
    const notBefore = instant(certificate.validFrom)
    const notAfter = instant(certificate.validTo)
    if (now < notBefore) {
      return yield* problem("NotYetValid", source, `the certificate is not valid before ${certificate.validFrom}`)
    }
    if (now > notAfter) {
      return yield* problem("Expired", source, `the certificate expired on ${certificate.validTo}; renew it`)
    }
    return {
      secureContext,
      subject: Option.filter(Option.fromNullable(certificate.subject), (subject) => subject !== "").pipe(
        Option.map(oneLine)
      ),
      issuer: oneLine(certificate.issuer),
      serialNumber: certificate.serialNumber,
      notAfter,
      digest: material.digest
    }
  })

interface Loaded {
  readonly certificate: Crypto.X509Certificate
  readonly secureContext: Tls.SecureContext
  readonly source: string
}

const fromPem = (
  certificatePart: Part,
  keyPart: Part,
  passphrase: string | undefined,
  shared: Tls.SecureContextOptions
): Either.Either<Loaded, ClientCertificateError> =>
  Either.gen(function*() {
    const { source } = certificatePart
    const certificates = Pem.contentOf(Redacted.value(certificatePart.content))
    const keys = Pem.contentOf(Redacted.value(keyPart.content))
    const certificate = yield* Either.try({
      try: () => new Crypto.X509Certificate(certificates.bytes),
      catch: () => failure("Malformed", source, Pem.problemOf("certificate", certificates))
    })
    const privateKey = yield* Either.try({
      try: () => privateKeyOf(keys, passphrase),
      catch: () =>
        !keys.kinds.includes("EncryptedKey")
          ? failure(
            "Malformed",
            keyPart.source,
            keyPart === certificatePart
              ? "there is no PEM private key in it; set key or keyFile"
              : Pem.problemOf("private key", keys)
          )
          : passphrase === undefined
          ? failure("PassphraseRejected", keyPart.source, "the private key is encrypted; give its passphrase")
          : failure("PassphraseRejected", keyPart.source, "the passphrase does not decrypt the private key")
    })
    if (!certificate.checkPrivateKey(privateKey)) {
      return yield* problem(
        "KeyMismatch",
        keyPart.source,
        `the private key does not belong to the first certificate of ${source} (${oneLine(certificate.subject)})`
      )
    }
    const cert = certificates.der ? certificate.toString() : certificates.bytes
    const key = keys.der ? privateKey.export({ type: "pkcs8", format: "pem" }) : keys.bytes
    const secureContext = yield* createContext({ ...shared, cert, key }, source)
    return { certificate, secureContext, source }
  })

const privateKeyOf = (content: Pem.Content, passphrase: string | undefined): Crypto.KeyObject =>
  Crypto.createPrivateKey({
    key: content.bytes,
    ...(content.der ? { format: "der", type: content.keyType ?? "pkcs8" } : undefined),
    ...(passphrase === undefined ? undefined : { passphrase })
  })

const fromPkcs12 = (part: Part, shared: Tls.SecureContextOptions): Either.Either<Loaded, ClientCertificateError> =>
  Either.gen(function*() {
    const { source } = part
    const pfx = Redacted.value(part.content)
    const secureContext = yield* Either.mapLeft(
      createContext({ ...shared, pfx }, source),
      (error) =>
        error.reason === "Malformed"
          ? failure("Malformed", source, Pem.problemOf("archive", Pem.contentOf(pfx)))
          : error
    )
    const certificate = ownCertificate(secureContext)
    return certificate === undefined
      ? yield* problem("Malformed", source, "there is no certificate with its private key in the archive")
      : { certificate, secureContext, source }
  })

const createContext = (
  options: Tls.SecureContextOptions,
  source: string
): Either.Either<Tls.SecureContext, ClientCertificateError> =>
  Either.try({
    try: () => Tls.createSecureContext(options),
    catch: (error) =>
      Predicate.hasProperty(error, "code") && error.code === "ERR_CRYPTO_UNSUPPORTED_OPERATION"
        ? failure(
          "LegacyPkcs12",
          source,
          "the archive is encrypted by an old algorithm that this Node refuses; convert it: " +
            "openssl pkcs12 -legacy -in old.p12 -out all.pem, then openssl pkcs12 -export -in all.pem -out new.p12"
        )
        : String(error).includes("mac verify failure")
        ? failure(
          "PassphraseRejected",
          source,
          options.passphrase === undefined
            ? "the archive is encrypted; give its passphrase"
            : "the passphrase does not open the archive"
        )
        : failure("Malformed", source, "TLS does not accept it")
  })

/** Node has no reader for PKCS#12, but a TLS socket shows the certificate it would present. */
const ownCertificate = (secureContext: Tls.SecureContext): Crypto.X509Certificate | undefined => {
  const nowhere = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() })
  const socket = new Tls.TLSSocket(nowhere, { secureContext })
  const certificate = socket.getX509Certificate()
  socket.destroy()
  return certificate
}

const shared = (
  ca: Part | undefined,
  caOnly: boolean,
  maxVersion: TlsOptions["maxVersion"]
): Either.Either<Tls.SecureContextOptions, ClientCertificateError> => {
  const versions: Tls.SecureContextOptions = { minVersion: "TLSv1.2", maxVersion: maxVersion ?? "TLSv1.3" }
  return ca === undefined
    ? Either.right(versions)
    : Either.map(authorities(ca, caOnly), (ca) => ({ ...versions, ca }))
}

const readFile = (
  fs: FileSystem.FileSystem,
  name: string,
  path: string | undefined
): Effect.Effect<Part | undefined, ClientCertificateError> => {
  if (path === undefined) return Effect.succeed(undefined)
  const source = `${name} ${path}`
  return Stream.runCollect(fs.stream(path, { bytesToRead: mostBytes + 1 })).pipe(
    Effect.mapError((error) => failure("Unreadable", source, unreadable(error))),
    Effect.map((chunks) => Buffer.concat(Array.from(chunks))),
    // a device has no end, and a pipe may have no writer: to open that cannot be given up, only left alone
    Effect.disconnect,
    Effect.timeoutFail({
      duration: "10 seconds",
      onTimeout: () => failure("Unreadable", source, "the file cannot be read in time")
    }),
    Effect.filterOrFail(
      ({ length }) => length <= mostBytes,
      () => failure("Unreadable", source, "the file is longer than any of these: it has more than a mebibyte")
    ),
    Effect.map((content) => ({ source, content: Redacted.make(content) }))
  )
}

const mostBytes = 1024 * 1024

const authorities = (ca: Part, exclusive: boolean): Either.Either<Array<string>, ClientCertificateError> => {
  const content = Pem.contentOf(Redacted.value(ca.content))
  return Either.try({
    try: () => {
      const first = new Crypto.X509Certificate(content.bytes)
      const pem = content.der ? first.toString() : content.bytes.toString("utf8")
      return exclusive ? [pem] : [...Tls.rootCertificates, pem]
    },
    catch: () => failure("Malformed", ca.source, Pem.problemOf("certificate of an authority", content))
  })
}

const failure = (reason: ClientCertificateError["reason"], source: string, problem: string) =>
  new ClientCertificateError({ reason, source, problem })

const problem = (reason: ClientCertificateError["reason"], source: string, problem: string) =>
  Either.left(failure(reason, source, problem))

const unreadable = (error: PlatformError): string => {
  if (error._tag !== "SystemError") return "it cannot be read"
  switch (error.reason) {
    case "NotFound":
      return "the file does not exist"
    case "PermissionDenied":
      return "this user is not allowed to read the file"
    default:
      return "the file cannot be read"
  }
}

/** X.509 dates are given as `Nov 22 06:45:24 2027 GMT`, which `DateTime.make` does not read. */
const instant = (text: string): number => Date.parse(text)

/** `CN=client\nO=Acme` */
const oneLine = (name: string): string => name.split("\n").join(", ")
