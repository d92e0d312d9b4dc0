/**
 * What a server can cost with what it says: every parser of a field or a body, on 100 kB that are made to be slow. Each is
 * given several shapes, and the slowest counts.
 */
import * as Challenge from "@effect-auth/core/Challenge"
import * as ServerMessage from "@effect-auth/core/ServerMessage"
import * as Token from "@effect-auth/core/Token"
import * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
import * as MqError from "@effect-auth/ibm-mq/MqError"
import * as AuthorizationServer from "@effect-auth/oauth/AuthorizationServer"
import * as IdToken from "@effect-auth/oauth/IdToken"
import * as QualysError from "@effect-auth/qualys/QualysError"
import * as QualysQuota from "@effect-auth/qualys/QualysQuota"
import * as RateLimitHeaders from "@effect-auth/rate-limit/RateLimitHeaders"
import * as YamcsError from "@effect-auth/yamcs/YamcsError"
import * as Cookies from "@effect/platform/Cookies"
import * as Headers from "@effect/platform/Headers"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Redirect from "../../core/src/internal/request/redirect.ts"
import * as Scrub from "../../core/src/internal/request/scrub.ts"
import * as GssProblem from "../../node/src/internal/gssProblem.ts"
import * as Digest from "../../signing/src/internal/digest/offer.ts"
import * as SigV4Answer from "../../signing/src/internal/sigv4/answer.ts"
import * as YamcsMessage from "../../yamcs/src/internal/socket/message.ts"
import {
  challengeShapes,
  filled,
  jsonShapes,
  jwtShapes,
  longAndShort,
  numbered,
  quotaShapes,
  repeated,
  size,
  words,
  xmlShapes
} from "./ParserShapes.ts"
import type { Cell, Result } from "./Report.ts"
import { atMost } from "./Report.ts"

interface Parser {
  readonly name: string
  readonly parse: (text: string) => unknown
  readonly shapes: ReadonlyArray<string>
}

const mode = "Bench/Parsers"
const now = 1_750_000_000_000
const request = HttpClientRequest.get("https://api.example/a")
const secrets = ["canary password ?>/ wörd", "canary-token".repeat(100), "ab"]

const quota = (headers: RateLimitHeaders.RateLimitHeaders, names: ReadonlyArray<string>) => (text: string) =>
  names.map((name) => RateLimitHeaders.read(headers, { status: 429, headers: { [name]: text } }, now))

const body = (read: (response: HttpClientResponse.HttpClientResponse) => Effect.Effect<unknown>) => (text: string) =>
  Effect.runPromise(read(HttpClientResponse.fromWeb(request, new Response(text, { status: 500 }))))

const tokenRequest = HttpClientRequest.post("https://api.example/token").pipe(
  HttpClientRequest.bodyUrlParams({ client_secret: secrets[0] })
)

const readToken = TokenEndpoint.json(
  Schema.Struct({ access_token: Schema.String, expires_in: Schema.optional(Schema.NumberFromString) }),
  { mode }
)

/** An exchange whose answer is the text. Nothing else is to be found. */
const exchanged =
  (status: number, ask: (answers: HttpClient.HttpClient) => Effect.Effect<unknown, unknown>) => (text: string) => {
    let asked = 0
    const answer = () => asked++ === 0 ? new Response(text, { status }) : new Response(null, { status: 404 })
    return Effect.runPromise(Effect.exit(ask(
      HttpClient.makeWith<never, never, never, never>(
        Effect.map((request) => HttpClientResponse.fromWeb(request, answer())),
        Effect.succeed
      )
    )))
  }

const parsers: ReadonlyArray<Parser> = [
  {
    name: "Challenge.fromHeaders and explain",
    parse: (text) => Challenge.explain(Challenge.fromHeaders(Headers.fromInput({ "www-authenticate": text }))),
    shapes: challengeShapes
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
    shapes: jwtShapes
  },
  {
    name: "the answer of a token endpoint",
    parse: exchanged(
      200,
      (answers) => TokenEndpoint.execute(answers, tokenRequest, { mode }).pipe(Effect.flatMap(readToken))
    ),
    shapes: [
      ...jsonShapes,
      JSON.stringify({ access_token: repeated("\u0000", size / 12), expires_in: repeated("1", size / 2) })
    ]
  },
  {
    name: "the refusal of a token endpoint",
    parse: exchanged(400, (answers) => TokenEndpoint.execute(answers, tokenRequest, { mode })),
    shapes: [
      ...jsonShapes,
      ...words,
      JSON.stringify({ error: repeated("x", size / 2), error_description: repeated("canary ", size / 2) }),
      JSON.stringify({ error: "x", error_codes: repeated("1", size / 4).split("") })
    ]
  },
  {
    name: "metadata of an authorization server",
    parse: exchanged(
      200,
      (answers) =>
        Effect.provideService(
          AuthorizationServer.discover("https://api.example", { mode }),
          HttpClient.HttpClient,
          answers
        )
    ),
    shapes: [
      ...jsonShapes,
      JSON.stringify({
        issuer: "https://api.example",
        token_endpoint: "https://api.example/token",
        scopes_supported: repeated("a", size / 4).split("")
      })
    ]
  },
  { name: "an ID token", parse: (text) => IdToken.decode(Redacted.make(text)), shapes: jwtShapes },
  {
    name: "a challenge for Digest",
    parse: (text) =>
      Digest.choose(Challenge.parse(text), {
        algorithms: ["SHA-256", "MD5"],
        protections: ["auth", undefined]
      }),
    shapes: [
      ...challengeShapes,
      numbered((i) => `Digest realm="r", nonce="n${i}", qop="auth", algorithm=MD5, `),
      ...["/a ", "auth,", "é", "\t"].map((part) =>
        `Digest nonce="n", domain="${repeated(part, size / 2)}", qop="${repeated(part, size / 2)}"`
      )
    ]
  },
  {
    name: "an error of AWS",
    parse: (text) => SigV4Answer.review(Headers.empty, text),
    shapes: [
      ...jsonShapes,
      ...xmlShapes,
      ...["<Code>", "<Code>a", "<Code> ", "<Message>", "\"code\":\"", "\"message\":\"\\"].map(filled)
    ]
  },
  {
    name: "a message of Yamcs' socket",
    parse: YamcsMessage.parse,
    shapes: [
      ...jsonShapes,
      `{"type":"reply","data":{"exception":{"type":"${repeated("x", size / 2)}","msg":"${
        repeated("\u202e", size / 2)
      }"}}}`
    ]
  },
  {
    name: "the words of a GSS-API",
    parse: GssProblem.of,
    shapes: [...words, ...["server ", "no credentials ", "Minor code may provide more information: "].map(filled)]
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
    goals: [
      atMost(
        "the slowest parser, in ms",
        worst.millis,
        5,
        "Most of it is the platform's: `JSON.parse`, and its own parser of cookies."
      )
    ],
    notes: [
      "Each shape is read up to 50 times, and the fastest counts, because only the machine makes one slower; the slowest shape of a parser is shown.",
      "Of a quota field 4,096 characters are read at most, of the body of a refusal 32 KiB are parsed, of a `Location` and of Qualys' envelopes 16 KiB; all are measured at those lengths too.",
      "Bodies are read through a response of the Web, with its cost."
    ]
  }
}

export const run: Effect.Effect<Result> = Effect.promise(measure)
