/**
 * What a server can cost with what it says: every parser of a field or a body, on 100 kB that are made to be slow. Each is
 * given several shapes, and the slowest counts.
 */
import * as Challenge from "@effect-auth/core/Challenge"
import * as ServerMessage from "@effect-auth/core/ServerMessage"
import * as Token from "@effect-auth/core/Token"
import * as MqError from "@effect-auth/ibm-mq/MqError"
import * as QualysError from "@effect-auth/qualys/QualysError"
import * as QualysQuota from "@effect-auth/qualys/QualysQuota"
import * as RateLimitHeaders from "@effect-auth/rate-limit/RateLimitHeaders"
import * as YamcsError from "@effect-auth/yamcs/YamcsError"
import * as Cookies from "@effect/platform/Cookies"
import * as Headers from "@effect/platform/Headers"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Redirect from "../../core/src/internal/request/redirect.ts"
import * as Scrub from "../../core/src/internal/request/scrub.ts"
import type { Cell, Result } from "./Report.ts"
import { atMost } from "./Report.ts"

const size = 100_000

const filled = (part: string): string => part.repeat(Math.ceil(size / part.length)).slice(0, size)

/** The parts numbered, so that no two are alike. */
const numbered = (part: (index: number) => string): string => {
  let text = ""
  for (let index = 0; text.length < size; index++) text += part(index)
  return text
}

interface Parser {
  readonly name: string
  readonly parse: (text: string) => unknown
  readonly shapes: ReadonlyArray<string>
}

const now = 1_750_000_000_000
const request = HttpClientRequest.get("https://api.example/a")
const secrets = ["canary password ?>/ wörd", "canary-token".repeat(100), "ab"]

const quota = (headers: RateLimitHeaders.RateLimitHeaders, names: ReadonlyArray<string>) => (text: string) =>
  names.map((name) => RateLimitHeaders.read(headers, { status: 429, headers: { [name]: text } }, now))

/** The longest that is read of a field: what is longer is refused at once. */
const field = (text: string) => [text, text.slice(0, 4096)]

const quotaShapes = [
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
function longAndShort(text: string) {
  return [text, text.slice(0, 32_768), text.slice(0, 16_384)]
}

const body = (read: (response: HttpClientResponse.HttpClientResponse) => Effect.Effect<unknown>) => (text: string) =>
  Effect.runPromise(read(HttpClientResponse.fromWeb(request, new Response(text, { status: 500 }))))

const jsonShapes = [
  ...["{\"error\":", "[", "\"", "\\u0000", "{\"error\":[{}],", " ", "1"].map(filled),
  JSON.stringify({ error: Array.from({ length: 2_500 }, (_, i) => ({ msgId: `MQWB${i}E`, message: "canary" })) }),
  JSON.stringify({ error: [{ message: filled("canary "), explanation: filled("\u0000").slice(0, size / 6) }] }),
  JSON.stringify({ exception: { type: filled("x"), msg: filled("Unsupported Authorization header ") } }),
  JSON.stringify({
    ServiceResponse: { responseCode: filled("X"), responseErrorDetails: { errorMessage: filled(" ") } }
  })
].flatMap(longAndShort)

const xmlShapes = [
  ...["<RESPONSE>", "<", "<!--", "<![CDATA[", "&amp;", "<a b=\"\" ", "<!DOCTYPE [", "]]>", "<RESPONSE/>", " "].map((
    part
  ) => `<SIMPLE_RETURN>${filled(part)}`),
  `<SIMPLE_RETURN><RESPONSE><CODE>1</CODE><ITEM_LIST>${
    numbered((i) => `<ITEM><KEY>K${i}</KEY><VALUE>${i}</VALUE></ITEM>`)
  }</ITEM_LIST></RESPONSE></SIMPLE_RETURN>`
].flatMap(longAndShort)

const words = [
  ...["x", " ", "\u0000", "\u202e", "canary-token", "ab ", "a".repeat(31) + " ", "%63", "\\u0061", "&amp;", "é"].map(
    filled
  ),
  numbered((i) => `word${i} `)
]

const parsers: ReadonlyArray<Parser> = [
  {
    name: "Challenge.fromHeaders and explain",
    parse: (text) => Challenge.explain(Challenge.fromHeaders(Headers.fromInput({ "www-authenticate": text }))),
    shapes: [
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
  },
  {
    name: "Set-Cookie (the platform's parser)",
    parse: (text) => Cookies.fromSetCookie([text]),
    shapes: [
      ...["a", ";", "=", "a=b;", "; Expires=", "; Max-Age=1", " ", "\"", "%"].map(filled),
      numbered((i) => `a${i}=b; `)
    ]
  },
  ...([
    ["ietf", RateLimitHeaders.ietf, ["ratelimit", "ratelimit-policy", "ratelimit-limit", "ratelimit-reset"]],
    ["xRateLimit", RateLimitHeaders.xRateLimit({ resetUnit: "epochSeconds" }), [
      "x-ratelimit-limit",
      "x-ratelimit-remaining",
      "x-ratelimit-reset"
    ]],
    ["github", RateLimitHeaders.github, ["x-ratelimit-resource", "x-ratelimit-remaining", "retry-after"]],
    ["Qualys", QualysQuota.headers, ["x-ratelimit-limit", "x-ratelimit-towait-sec", "x-concurrency-limit-limit"]],
    ["Retry-After", RateLimitHeaders.retryAfter, ["retry-after", "retry-after-ms", "date"]]
  ] as const).map(([name, headers, names]) => ({
    name: `quota fields: ${name}`,
    parse: quota(headers, names),
    shapes: quotaShapes
  })),
  { name: "MqError.fromResponse", parse: body(MqError.fromResponse), shapes: jsonShapes },
  { name: "YamcsError.fromResponse", parse: body(YamcsError.fromResponse), shapes: [...jsonShapes, ...words] },
  {
    name: "QualysError.fromBody",
    parse: (text) => QualysError.fromBody(409, text),
    shapes: [...xmlShapes, ...jsonShapes]
  },
  {
    name: "ServerMessage.make, masking three secrets",
    parse: (text) => ServerMessage.make({ code: text, detail: text }, secrets),
    shapes: words
  },
  {
    name: "Token.lifespan of a JWT",
    parse: Token.lifespan,
    shapes: [
      ...[".", "e", "eyJ", "-", "=", "A.", " "].map(filled),
      `a.${btoa(filled("{\"exp\":")).replaceAll("=", "")}.c`,
      `a.${btoa(JSON.stringify({ exp: 1, a: filled("[") })).replaceAll("=", "")}.c`
    ]
  },
  {
    name: "Location of a redirect",
    parse: (location) => [
      Scrub.withoutQuery(location),
      Redirect.decide(
        { request, locations: undefined, redirects: 0 },
        { status: 302, headers: Headers.fromInput({ location }) },
        { origins: ["https://api.example"], maxRedirects: 3 }
      )
    ],
    shapes: [
      ...["../", "/", "\\", "%2e%2e/", "?", "#", "?a=b&", "a@", "http:", ":", "é", " ", "%"].map(filled),
      `https://${filled("a.")}`,
      `https://${filled("é")}`,
      `https://${filled("a@")}x/`,
      `/?${numbered((i) => `p${i}=v&`)}`
    ].flatMap(longAndShort)
  }
]

/** Milliseconds of one reading: the best of a few, because nothing but the machine makes it slower. */
const timed = async (parser: Parser, text: string): Promise<number> => {
  const tries: Array<number> = []
  const end = performance.now() + 300
  while (tries.length < 5 || (tries.length < 50 && performance.now() < end)) {
    const begun = performance.now()
    await parser.parse(text)
    tries.push(performance.now() - begun)
    // what takes seconds is known by one of them
    if (performance.now() - begun > 2000) break
  }
  return Math.min(...tries)
}

const measure = async (): Promise<Result> => {
  const rows: Array<ReadonlyArray<Cell>> = []
  const worst = { millis: 0 }
  for (const parser of parsers) {
    const found = { millis: 0, shape: "" }
    // compiled before it is measured
    for (const text of parser.shapes) await timed(parser, text.slice(0, 1000))
    for (const text of parser.shapes) {
      const millis = await timed(parser, text)
      if (millis > found.millis) Object.assign(found, { millis, shape: text })
    }
    const shown = JSON.stringify(found.shape.slice(0, 24)).replaceAll("|", "\\|").replaceAll("`", "'")
    rows.push([parser.name, parser.shapes.length, found.millis, `${shown}… (${found.shape.length})`])
    worst.millis = Math.max(worst.millis, found.millis)
  }
  return {
    title: "the slowest of what a server can say, in 100 kB",
    columns: ["parser", "shapes", "slowest (ms)", "the shape that is slowest"],
    rows,
    goals: [atMost("the slowest parser, in ms", worst.millis, 5)],
    notes: [
      "Each shape is read up to 50 times, and the fastest counts, because only the machine makes one slower; the slowest shape of a parser is shown.",
      "Of a quota field 4,096 characters are read at most, of the body of a refusal 32 KiB are parsed, of a `Location` and of Qualys' envelopes 16 KiB; all are measured at those lengths too.",
      "Bodies are read through a response of the Web, with its cost."
    ]
  }
}

export const run: Effect.Effect<Result> = Effect.promise(measure)
