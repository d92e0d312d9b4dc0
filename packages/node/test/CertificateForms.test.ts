/** The forms in which a certificate, a key and an authority can be given, and what is said of those that cannot be used. */
import * as Credential from "@effect-auth/core/ClientCertificate"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import forge from "node-forge"
import * as Crypto from "node:crypto"
import * as ClientCertificate from "../src/ClientCertificate.ts"
import * as MutualTlsServer from "./fixtures/mutualTls.ts"
import * as Pki from "./fixtures/pki.ts"

const ours = Pki.authority("Test CA")
const pair = ours.issue({ name: "client" })
const passphrase = Redacted.make(Pki.passphrase)

type FileField = "certificateFile" | "keyFile" | "caFile" | "pkcs12File"
type Fields = ConstructorParameters<typeof Credential.ClientCertificate>[0]

const der = (certificate: string) => Buffer.from(new Crypto.X509Certificate(certificate).raw)
const key = Crypto.createPrivateKey(pair.key)

const write = (content: string | Uint8Array) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* fs.makeTempFileScoped()
    yield* fs.writeFile(path, Buffer.from(content))
    return path
  })

/** Ways in which PEM arrives through environment variables, secret managers and editors. */
const texts: Record<string, (pem: string) => string> = {
  "with \\n for its line ends": (pem) => pem.replace(/\r?\n/g, "\\n"),
  "with \\r\\n for its line ends": (pem) => pem.replace(/\r?\n/g, "\\r\\n"),
  "with \\\\n, escaped twice": (pem) => pem.replace(/\r?\n/g, "\\\\n"),
  "with CRLF": (pem) => pem.replace(/\r?\n/g, "\r\n"),
  "with spaces for its line ends": (pem) => pem.replace(/\r?\n/g, " "),
  "in double quotes, with \\n": (pem) => `"${pem.replace(/\r?\n/g, "\\n")}"`,
  "in single quotes": (pem) => ` '${pem}' `,
  "indented, with spaces after its lines": (pem) => pem.split(/\r?\n/).map((line) => `    ${line}  `).join("\n"),
  "in Base64 as a whole": (pem) => Buffer.from(pem).toString("base64")
}

describe("A certificate, its key and the authority are read", () => {
  const presents = (fields: Fields) =>
    Effect.gen(function*() {
      const server = yield* MutualTlsServer.server({ pair: ours.issue(), trusts: ours.pem, rejectUnauthorized: true })
      const seen = yield* Effect.flatMap(HttpClient.HttpClient, (client) => client.get(server.url)).pipe(
        Effect.flatMap((response) => response.text),
        Effect.provide(ClientCertificate.layerUndici({
          credential: new Credential.ClientCertificate({ caOnly: true, ...fields })
        }))
      )
      assert.strictEqual(seen, pair.serial)
    })

  for (const [name, form] of Object.entries(texts)) {
    it.scopedLive(name, () =>
      presents({
        certificate: Redacted.make(form(pair.certificate)),
        key: Redacted.make(form(pair.key)),
        ca: form(ours.pem)
      }))
  }

  it.scopedLive("with \\n, when certificate and encrypted key are one text", () =>
    presents({
      certificate: Redacted.make((pair.certificate + Pki.encryptedKey(pair)).replace(/\r?\n/g, "\\n")),
      passphrase,
      ca: ours.pem
    }))

  it.scopedLive("with \\n, when the key is encrypted in the old format, which has headers", () => {
    const old = key.export({ type: "pkcs1", format: "pem", cipher: "aes-256-cbc", passphrase: Pki.passphrase })
    return presents({
      certificate: Redacted.make(pair.certificate),
      key: Redacted.make(String(old).replace(/\n/g, "\\n")),
      passphrase,
      ca: ours.pem
    })
  })

  it.scopedLive("as UTF-16, which some shells of Windows write", () =>
    Effect.gen(function*() {
      const certificateFile = yield* write(Buffer.from(`\ufeff${pair.certificate}${pair.key}`, "utf16le"))
      yield* presents({ certificateFile, ca: ours.pem })
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  const keys = {
    "PKCS#8": key.export({ type: "pkcs8", format: "der" }),
    "PKCS#1": key.export({ type: "pkcs1", format: "der" }),
    "encrypted PKCS#8": key.export({ type: "pkcs8", format: "der", cipher: "aes-256-cbc", passphrase: Pki.passphrase })
  }
  for (const [name, content] of Object.entries(keys)) {
    it.scopedLive(`from DER files, the key as ${name}`, () =>
      Effect.gen(function*() {
        yield* presents({
          certificateFile: yield* write(der(pair.certificate)),
          keyFile: yield* write(content),
          caFile: yield* write(der(ours.pem)),
          passphrase
        })
      }).pipe(Effect.provide(NodeFileSystem.layer)))
  }
})

const block = (label: string, content = "Y2FuYXJ5") => `-----BEGIN ${label}-----\n${content}\n-----END ${label}-----\n`

const request = () => {
  const { privateKey, publicKey } = forge.pki.rsa.generateKeyPair(512)
  const made = forge.pki.createCertificationRequest()
  made.publicKey = publicKey
  made.setSubject([{ name: "commonName", value: "client" }])
  made.sign(privateKey)
  return forge.pki.certificationRequestToPem(made)
}

describe("What is not a certificate or key is named, with what to do", () => {
  const csr = request()
  const encrypted = key.export({ type: "pkcs8", format: "der", cipher: "aes-256-cbc", passphrase: Pki.passphrase })
  const publicKey = Crypto.createPublicKey(key).export({ type: "spki", format: "der" })
  const truncated = der(pair.certificate).subarray(0, 500)
  const cases: ReadonlyArray<readonly [FileField, string | Uint8Array, string, string?]> = [
    ["certificateFile", "", "it is empty"],
    ["certificateFile", " \n", "it is empty"],
    ["keyFile", "", "it is empty"],
    ["caFile", "", "it is empty"],
    ["pkcs12File", "", "it is empty"],
    ["certificateFile", "canary", "there is no PEM certificate in it"],
    ["certificateFile", pair.key, "it is a private key, not a certificate; set certificate or certificateFile"],
    ["certificateFile", key.export({ type: "pkcs1", format: "der" }), "it is a private key, not a certificate"],
    ["certificateFile", csr, "it is a certificate request (CSR), not a certificate"],
    ["certificateFile", Buffer.from(csr.split("\n").slice(1, -2).join(""), "base64"), "a certificate request (CSR)"],
    ["certificateFile", publicKey, "it is a public key"],
    ["certificateFile", block("RSA PUBLIC KEY"), "it is a public key"],
    ["certificateFile", block("PKCS7"), "convert it: openssl pkcs7 -in bundle.p7b -print_certs -out all.pem"],
    ["certificateFile", Pki.pkcs12(pair), "it is a PKCS#12 archive, not a certificate; set pkcs12File"],
    ["certificateFile", block("CERTIFICATE"), "the certificate in it is damaged"],
    ["certificateFile", truncated, "the certificate in it is damaged"],
    ["certificateFile", "-----BEGIN CERTIFICATE-----", "it ends within a PEM block"],
    [
      "certificateFile",
      Buffer.from("300630040c026869", "hex"),
      "it is a DER (binary) file without a certificate that can be read; to convert one: openssl x509 -inform DER"
    ],
    ["keyFile", Buffer.from("300630040c026869", "hex"), "openssl pkey -inform DER -in key.der -out key.pem"],
    ["keyFile", pair.certificate, "it is a certificate, not a private key; set key or keyFile to its private key"],
    ["keyFile", der(pair.certificate), "it is a certificate, not a private key"],
    ["keyFile", csr, "set key or keyFile to the private key that it was made with"],
    ["keyFile", block("PUBLIC KEY"), "it is a public key, not a private key"],
    ["keyFile", block("OPENSSH PRIVATE KEY"), "convert a copy of it: ssh-keygen -p -m PKCS8 -f copy.key"],
    ["keyFile", encrypted, "the private key is encrypted; give its passphrase", "PassphraseRejected"],
    ["caFile", pair.key, "it is a private key, not the certificate of an authority"],
    ["caFile", block("X509 CRL"), "it is a list of revoked certificates (CRL)"],
    ["pkcs12File", pair.certificate, "it is a certificate, not a PKCS#12 archive; set certificate or certificateFile"],
    ["pkcs12File", Pki.pkcs12(pair).subarray(0, 100), "the PKCS#12 archive is damaged"]
  ]
  for (const [name, content, words, reason = "Malformed"] of cases) {
    it.scopedLive(`${name}: ${words}`, () =>
      Effect.gen(function*() {
        const path = yield* write(content)
        const fields: Fields = {
          ...(name === "pkcs12File" ? undefined : { certificateFile: yield* write(pair.certificate + pair.key) }),
          [name]: path
        }
        const error = yield* Effect.flip(
          Layer.build(ClientCertificate.layerNodeHttp({ credential: new Credential.ClientCertificate(fields) }))
        )
        assert.propertyVal(error, "reason", reason)
        assert.propertyVal(error, "source", `${name} ${path}`)
        assert.include(error.problem, words)
        assert.notInclude(`${String(error)} ${JSON.stringify(error)}`, "canary")
      }).pipe(Effect.provide(NodeFileSystem.layer)))
  }
})
