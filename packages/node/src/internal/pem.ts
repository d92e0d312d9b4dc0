/**
 * What a certificate or key is given as: PEM (RFC 7468), also after the damage that environment variables and editors do
 * to it, or DER. And what is wrong with it when it is something else. Pure.
 */

/** What was expected. */
export type Wanted = "certificate" | "private key" | "certificate of an authority" | "archive"

/** What a PEM block or a DER file holds. */
export type Kind =
  | "Certificate"
  | "Key"
  | "EncryptedKey"
  | "OpenSshKey"
  | "CertificateRequest"
  | "PublicKey"
  | "RevocationList"
  | "Pkcs7"
  | "Pkcs12"

export interface Content {
  /** PEM with its line ends, or DER. */
  readonly bytes: Buffer
  readonly der: boolean
  readonly kinds: ReadonlyArray<Kind>
  /** The structure of a key in DER. */
  readonly keyType: "pkcs8" | "pkcs1" | "sec1" | undefined
  /** A PEM block begins and does not end. */
  readonly cutOff: boolean
}

/** Reads PEM with `\n` for its line ends, in quotes or indented; either form also in Base64 as a whole. */
export const contentOf = (given: Buffer): Content => {
  const bytes = unwrap(given)
  const text = textOf(bytes)
  if (!text.includes(begin)) {
    const der = isDer(bytes)
    const form = der ? derForms.find(({ pattern }) => pattern.test(opening(bytes))) : undefined
    return { bytes, der, kinds: form === undefined ? [] : [form.kind], keyType: form?.keyType, cutOff: false }
  }
  const found = Array.from(
    text.replace(/\\+r\\+n|\\+[nr]|\r\n?/g, "\n").matchAll(block),
    ([, label = "", body = ""]) => ({
      label,
      body
    })
  )
  return {
    bytes: found.length === 0 ? bytes : Buffer.from(found.map(({ body, label }) => armored(label, body)).join("")),
    der: false,
    kinds: found.flatMap(({ body, label }) => kindOf(label, body) ?? []),
    keyType: undefined,
    cutOff: count(text, begin) > count(text, "-----END ")
  }
}

/** Why it does not hold what was expected, and what to do. Quotes nothing of it. */
export const problemOf = (wanted: Wanted, content: Content): string => {
  const { bytes, cutOff, der, kinds } = content
  if (bytes.toString("latin1").trim() === "") return "it is empty"
  const accepted = acceptedKinds[wanted]
  const kind = kinds[0]
  if (cutOff && !kinds.some((kind) => accepted.includes(kind))) {
    return "it ends within a PEM block; write \\n for its line ends, or quote it, where a value cannot have several lines"
  }
  if (kinds.some((kind) => accepted.includes(kind))) {
    return wanted === "archive" ? "the PKCS#12 archive is damaged" : `the ${wanted} in it is damaged`
  }
  if (kind !== undefined) return `it is ${articles[kind]}, not ${names[wanted]}; ${advice(kind, wanted, der)}`
  if (wanted === "archive") return "it is not PKCS#12"
  return der
    ? `it is a DER (binary) file without a ${wanted} that can be read; to convert one: ${toPem(wanted)}`
    : `there is no PEM ${wanted} in it`
}

const begin = "-----BEGIN "
const block = /-----BEGIN ([^-\n]+)-----(.*?)-----END \1-----/gs

const count = (text: string, part: string): number => text.split(part).length - 1

/** A byte order mark tells of UTF-16, which some shells of Windows write. */
const textOf = (bytes: Buffer): string => bytes.toString(bytes[0] === 0xff && bytes[1] === 0xfe ? "utf16le" : "utf8")

/** PEM or DER that was encoded in Base64 as a whole. */
const unwrap = (given: Buffer): Buffer => {
  const text = given.toString("latin1").trim().replace(/^(["'])(.*)\1$/s, "$2")
  if (!/^[A-Za-z0-9+/\s]{64,}=*$/.test(text)) return given
  const decoded = Buffer.from(text, "base64")
  return isDer(decoded) || decoded.includes(begin) ? decoded : given
}

/** Headers (RFC 1421 section 4.6) keep their lines; Base64 gets new ones, as spaces may have taken their place. */
const armored = (label: string, body: string): string => {
  const lines = body.includes(":")
    ? body.split("\n").map((line) => line.trim()).join("\n").trim()
    : body.replace(/\s+/g, "").replace(/.{64}(?=.)/g, "$&\n")
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`
}

const kindOf = (label: string, body: string): Kind | undefined => {
  switch (label) {
    case "CERTIFICATE":
    case "X509 CERTIFICATE":
    case "TRUSTED CERTIFICATE":
      return "Certificate"
    case "CERTIFICATE REQUEST":
    case "NEW CERTIFICATE REQUEST":
      return "CertificateRequest"
    case "ENCRYPTED PRIVATE KEY":
      return "EncryptedKey"
    case "OPENSSH PRIVATE KEY":
      return "OpenSshKey"
    case "X509 CRL":
      return "RevocationList"
    case "PKCS7":
    case "CMS":
      return "Pkcs7"
  }
  if (/PUBLIC KEY$/.test(label)) return "PublicKey"
  // an encrypted key of RFC 1421 says so in its header (section 4.6.1.1)
  if (/^((RSA|EC|DSA) )?PRIVATE KEY$/.test(label)) return body.includes("ENCRYPTED") ? "EncryptedKey" : "Key"
  return undefined
}

// The hexadecimal beginning of a SEQUENCE in DER, and in BER with an indefinite length.
const head = "30(?:[0-7].|80|81..|82.{4}|83.{6})"
const sequence = new RegExp(`^${head}(30|02|06)`)

const opening = (bytes: Buffer): string => bytes.subarray(0, 64).toString("hex")

/** The letters `000` would be a SEQUENCE, too. */
const isDer = (bytes: Buffer): boolean =>
  sequence.test(opening(bytes)) && /[^\s -~]/.test(bytes.subarray(0, 64).toString("latin1"))

/** How the structures begin (RFC 5280, 2986, 5958, 8017, 5915, 7292, 2315). The first that fits. */
const derForms: ReadonlyArray<{
  readonly pattern: RegExp
  readonly kind: Kind
  readonly keyType?: "pkcs8" | "pkcs1" | "sec1"
}> = [
  { pattern: new RegExp(`^${head}020103`), kind: "Pkcs12" },
  { pattern: new RegExp(`^${head}06092a864886f70d0107`), kind: "Pkcs7" },
  // the algorithms of PKCS#5 and PKCS#12
  { pattern: new RegExp(`^${head}${head}06..2a864886f70d01(05|0c01)`), kind: "EncryptedKey", keyType: "pkcs8" },
  { pattern: new RegExp(`^${head}${head}06`), kind: "PublicKey" },
  { pattern: new RegExp(`^${head}02010[01]30`), kind: "Key", keyType: "pkcs8" },
  { pattern: new RegExp(`^${head}02010[01]02`), kind: "Key", keyType: "pkcs1" },
  { pattern: new RegExp(`^${head}02010104`), kind: "Key", keyType: "sec1" },
  { pattern: new RegExp(`^${head}${head}a003020102`), kind: "Certificate" },
  { pattern: new RegExp(`^${head}${head}02010030`), kind: "CertificateRequest" },
  { pattern: new RegExp(`^${head}${head}02010130`), kind: "RevocationList" },
  // the first version of certificates begins with the serial number
  { pattern: new RegExp(`^${head}${head}02`), kind: "Certificate" }
]

const acceptedKinds: Record<Wanted, ReadonlyArray<Kind>> = {
  certificate: ["Certificate"],
  "certificate of an authority": ["Certificate"],
  "private key": ["Key", "EncryptedKey"],
  archive: ["Pkcs12"]
}

const names: Record<Wanted, string> = {
  certificate: "a certificate",
  "certificate of an authority": "the certificate of an authority",
  "private key": "a private key",
  archive: "a PKCS#12 archive"
}

const articles: Record<Kind, string> = {
  Certificate: "a certificate",
  Key: "a private key",
  EncryptedKey: "an encrypted private key",
  OpenSshKey: "a private key in the format of OpenSSH",
  CertificateRequest: "a certificate request (CSR)",
  PublicKey: "a public key",
  RevocationList: "a list of revoked certificates (CRL)",
  Pkcs7: "a PKCS#7 bundle",
  Pkcs12: "a PKCS#12 archive"
}

const advice = (kind: Kind, wanted: Wanted, der: boolean): string => {
  switch (kind) {
    case "Certificate":
      return wanted === "archive" ? "set certificate or certificateFile to it" : "set key or keyFile to its private key"
    case "Key":
    case "EncryptedKey":
      return wanted === "certificate of an authority"
        ? "set ca or caFile to the authority's certificate"
        : "set certificate or certificateFile to the certificate, and key or keyFile to this key"
    case "OpenSshKey":
      return wanted === "private key"
        ? "convert a copy of it: ssh-keygen -p -m PKCS8 -f copy.key"
        : `set it to ${names[wanted]}`
    case "CertificateRequest":
      return wanted === "private key"
        ? "set key or keyFile to the private key that it was made with"
        : "an authority makes the certificate from it"
    case "PublicKey":
    case "RevocationList":
      return `set it to ${names[wanted]}`
    case "Pkcs7":
      return wanted === "private key"
        ? "it never holds a private key"
        : `convert it: openssl pkcs7 ${der ? "-inform DER " : ""}-in bundle.p7b -print_certs -out all.pem`
    case "Pkcs12":
      return wanted === "certificate of an authority"
        ? "convert it: openssl pkcs12 -in ca.p12 -nokeys -out ca.pem"
        : "set pkcs12File to it (or pkcs12, in Base64) instead of certificate and key"
  }
}

const toPem = (wanted: Wanted): string =>
  wanted === "private key"
    ? "openssl pkey -inform DER -in key.der -out key.pem"
    : "openssl x509 -inform DER -in certificate.der -out certificate.pem"
