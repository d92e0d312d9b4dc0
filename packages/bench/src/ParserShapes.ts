/**
 * Texts of 100 kB that are made to be slow to read: what a hostile server, or a broken one, could say.
 */
export const size = 100_000

/** So many characters of the part, again and again. */
export const repeated = (part: string, length: number): string =>
  part.repeat(Math.ceil(length / part.length)).slice(0, length)

export const filled = (part: string): string => repeated(part, size)

/** The parts numbered, so that no two are alike. */
export const numbered = (part: (index: number) => string): string => {
  let text = ""
  for (let index = 0; text.length < size; index++) text += part(index)
  return text
}

/** The longest that is read of a field: what is longer is refused at once. */
const field = (text: string) => [text, text.slice(0, 4096)]

export const quotaShapes = [
  "9",
  " ",
  "a=1,",
  "a;b;",
  "\"a\";r=1;t=1,",
  "\"",
  "\\",
  "(",
  "(a ",
  ":YWJj",
  "1.",
  "limit=1, ",
  "Sun, 06 Nov 1994 ",
  "00:00:00 "
].map(filled).concat(numbered((i) => `a${i};q=1;w=${i},`), numbered((i) => `"q${i}";r=${i};t=1,`)).flatMap(field)

/** The longest that is parsed: of the body of a refusal, and of a redirect's target or Qualys' envelope. */
export function longAndShort(text: string) {
  return [text, text.slice(0, 32_768), text.slice(0, 16_384)]
}

export const jsonShapes = [
  ...["{\"error\":", "[", "\"", "\\u0000", "{\"error\":[{}],", " ", "1"].map(filled),
  ...["1", "{}", "\"\\u005f\"", "{\"__proto__\":1}"].map((part) =>
    `[${repeated(`${part},`, Math.floor(size / (part.length + 1)) * (part.length + 1)).slice(0, -1)}]`
  ),
  `${repeated("[", size / 2)}${repeated("]", size / 2)}`,
  `${repeated("{\"a\":", 16_000 * 5)}1${repeated("}", 16_000)}`,
  JSON.stringify({ error: Array.from({ length: 2_500 }, (_, i) => ({ msgId: `MQWB${i}E`, message: "canary" })) }),
  JSON.stringify({ error: [{ message: repeated("canary ", size / 2), explanation: repeated("\u0000", size / 12) }] }),
  JSON.stringify({
    exception: { type: repeated("x", size / 2), msg: repeated("Unsupported Authorization header ", size / 2) }
  }),
  JSON.stringify({
    ServiceResponse: {
      responseCode: repeated("X", size / 2),
      responseErrorDetails: { errorMessage: repeated(" ", size / 2) }
    }
  })
].flatMap(longAndShort)

export const xmlShapes = [
  ...["<RESPONSE>", "<", "<!--", "<![CDATA[", "&amp;", "<a b=\"\" ", "<!DOCTYPE [", "]]>", "<RESPONSE/>", " "].map((
    part
  ) => `<SIMPLE_RETURN>${filled(part)}`),
  `<SIMPLE_RETURN><RESPONSE><CODE>1</CODE><ITEM_LIST>${
    numbered((i) => `<ITEM><KEY>K${i}</KEY><VALUE>${i}</VALUE></ITEM>`)
  }</ITEM_LIST></RESPONSE></SIMPLE_RETURN>`
].flatMap(longAndShort)

export const words = [
  ...["x", " ", "\u0000", "\u202e", "canary-token", "ab ", "a".repeat(31) + " ", "%63", "\\u0061", "&amp;", "é"].map(
    filled
  ),
  numbered((i) => `word${i} `)
]

/** JSON Web Tokens. */
export const jwtShapes = [
  ...[".", "e", "eyJ", "-", "=", "A.", " "].map(filled),
  `a.${btoa(repeated("{\"exp\":", size * 3 / 4)).replaceAll("=", "")}.c`,
  `a.${btoa(JSON.stringify({ exp: 1, a: repeated("[", size * 3 / 4) })).replaceAll("=", "")}.c`
]

/** `WWW-Authenticate`. */
export const challengeShapes = [
  ...["Bearer ", "\"", "\\", "a=\"", "a=\"\\", ",", " ", "a,", "a=b,", "=", "a =", "Basic realm=\"x\", ", "\t"].map(
    filled
  ),
  numbered((i) => `p${i}=v,`),
  numbered((i) => `p${i}="v",`),
  `Bearer ${numbered((i) => `p${i}="v", `)}`,
  numbered((i) => `Scheme${i} realm="r${i}", `),
  `Bearer error="${filled("\\\"")}`,
  `Bearer ${filled("A")}=`,
  `Bearer ${filled("A")} `
]
