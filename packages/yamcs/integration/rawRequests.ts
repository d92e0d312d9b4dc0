/**
 * Requests as no client of ours sends them, for a comparison of the fake with the real server: what is read from them, in
 * which type they are answered, and in which words.
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Record from "effect/Record"
import * as Http from "node:http"

/** What a server needs to be asked: its address and its only user, who may do everything. */
export interface Target {
  readonly baseUrl: string
  readonly username: string
  readonly password: string
}

/** An answer, without what differs from server to server: `body` is text, or the parts of JSON that the fake has too. */
export type Outcome = {
  readonly status: number
  readonly type: string | undefined
  readonly connection: string | undefined
  readonly location: string | undefined
  readonly body: unknown
} | "no answer"

interface Request {
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** What the server gave before: tokens, a code of the login page, and a service account. */
type Given = Readonly<Record<"access" | "expired" | "refresh" | "code" | "id" | "secret", string | undefined>>

const form = "application/x-www-form-urlencoded"

const fields = (fields: Readonly<Record<string, string>>): string => new URLSearchParams(fields).toString()

const get = (path: string, headers: Readonly<Record<string, string>> = {}): Request => ({
  method: "GET",
  path,
  headers
})

const post = (path: string, body: string, headers: Readonly<Record<string, string>> = {}): Request => ({
  method: "POST",
  path,
  headers: { "content-type": form, ...headers },
  body
})

const token = (form: Readonly<Record<string, string>>, headers: Readonly<Record<string, string>> = {}): Request =>
  post("/auth/token", fields(form), headers)

const basic = (user: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`
})

const accountNamed = (body: string): Request =>
  post("/api/service-accounts", body, { "content-type": "application/json" })

const page = "client_id=c&response_type=code&scope=openid&redirect_uri=http%3A%2F%2Fapp%2Fcb%3Fx%3D1"

type Requests = Readonly<Record<string, Request>>

/** The routes that need no credentials, and what is on none. */
const open: Requests = {
  "the server's own address": get("/"),
  "a path on no route": get("/nothing"),
  "a path that only begins like a route": get("/apix"),
  "auth": get("/auth"),
  "auth with a query": get("/auth?a=b"),
  "auth in Protocol Buffers": get("/auth", { accept: "application/protobuf" }),
  "auth in plain text, as the server spells it": get("/auth", { accept: "plain/text" }),
  "auth in plain text": get("/auth", { accept: "text/plain" }),
  "auth by POST": post("/auth", ""),
  "auth with a slash": get("/auth/"),
  "a path below auth": get("/auth/nothing"),
  "Kerberos, which is not set up": get("/auth/spnego"),
  "the metadata": get("/.well-known/oauth-authorization-server"),
  "the metadata by POST": post("/.well-known/oauth-authorization-server", ""),
  "other metadata": get("/.well-known/openid-configuration"),
  "the login page": get(`/auth/authorize?${page}&state=a+b`),
  "the login page, posted": post("/auth/authorize", `${page}&state=a+b`),
  "the login page without a scope": get(`/auth/authorize?${page.replace("scope=openid&", "")}`),
  "the login page by DELETE": { method: "DELETE", path: `/auth/authorize?${page}` },
  "a login by GET": get("/auth/actions/login"),
  "a login that is no form": post("/auth/actions/login", "{}", { "content-type": "application/json" }),
  "a login without a password": post("/auth/actions/login", "username=a&client_id=c&redirect_uri=http://app/cb")
}

const logins = ({ password, username }: Target): Requests => ({
  "a login": post("/auth/actions/login", `${page}&state=a+b&${fields({ username, password })}`),
  "a login with a wrong password": post("/auth/actions/login", `${page}&${fields({ username, password: "canary" })}`)
})

/** At most five of them may be sent in a second. */
const tokens = ({ password, username }: Target, { code = "", id = "", refresh = "", secret = "" }: Given): Requests => {
  const login = { grant_type: "password", username, password }
  const client = { grant_type: "client_credentials", client_id: id, client_secret: secret }
  const encoded = basic(encodeURIComponent(id), encodeURIComponent(secret))
  return {
    "a password": token(login),
    "a password, accepting anything": token(login, { accept: "*/*" }),
    "a password, accepting a page": token(login, { accept: "text/html" }),
    "a password, accepting Protocol Buffers": token(login, { accept: "application/protobuf" }),
    "a password with a charset": token(login, { "content-type": `${form}; charset=UTF-8` }),
    "a password in JSON": token(login, { "content-type": "application/json" }),
    "a wrong password": token({ ...login, password: "canary" }),
    "an unknown user": token({ ...login, username: "nobody" }),
    "no password": token({ grant_type: "password", username }),
    "no grant": token({}),
    "an unknown grant": token({ grant_type: "magic" }),
    "a token by GET": get("/auth/token"),
    "a refresh token": token({ grant_type: "refresh_token", refresh_token: refresh }),
    "a refresh token again": token({ grant_type: "refresh_token", refresh_token: refresh }),
    "an unknown refresh token": token({ grant_type: "refresh_token", refresh_token: "canary" }),
    "no refresh token": token({ grant_type: "refresh_token" }),
    "a code": token({ grant_type: "authorization_code", code }),
    "a code again": token({ grant_type: "authorization_code", code }),
    "an unknown code": token({ grant_type: "authorization_code", code: "canary" }),
    "no code": token({ grant_type: "authorization_code" }),
    "a service account that becomes another": token({ ...client, become: username }),
    "the same by Basic": token({ grant_type: "client_credentials", become: username }, encoded),
    "a service account that becomes nobody": token({ ...client, become: "nobody" }),
    "a service account with a wrong secret": token({ ...client, client_secret: "canary", become: username }),
    "a secret with a stray percent sign": token({ grant_type: "client_credentials" }, basic(id, "50%")),
    "a service account without its secret": token({ grant_type: "client_credentials", client_id: id }),
    "Basic without a colon": token({ grant_type: "client_credentials" }, { authorization: "Basic Y2FuYXJ5" })
  }
}

const calls = ({ password, username }: Target, { access = "", expired = "" }: Given): Requests => {
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
  const proof = basic(username, password)
  return {
    "a call without credentials": get("/api/user"),
    "an unknown call without credentials": get("/api/nothing"),
    "a token": get("/api/user", bearer(access)),
    "a token in a cookie": get("/api/user", { cookie: `a=b; Access_Token=${access}` }),
    "a token after a lower-case scheme": get("/api/user", { authorization: "bearer canary" }),
    "an expired token": get("/api/user", bearer(expired)),
    "a token of one part": get("/api/user", bearer("canary")),
    "a token of two parts and a dot": get("/api/user", bearer("canary.canary.")),
    "a token with another signature": get("/api/user", bearer(`${access}x`)),
    "a bad token and a good cookie": get("/api/user", { ...bearer("canary"), cookie: `access_token=${access}` }),
    "an unknown key and a good cookie": get("/api/user", { "x-api-key": "canary", cookie: `access_token=${access}` }),
    "Basic at the API": get("/api/user", proof),
    "Basic without padding": get("/api/user", { authorization: proof.authorization.replace(/=+$/, "") }),
    "Basic with a wrong password": get("/api/user", basic(username, "canary")),
    "Basic of an unknown user": get("/api/user", basic("nobody", "canary")),
    "Basic that is not base64": get("/api/user", { authorization: "Basic ????" }),
    "Basic without a colon at the API": get("/api/user", { authorization: "Basic Y2FuYXJ5" }),
    "the API itself": get("/api", proof),
    "the API itself with a slash": get("/api/", proof),
    "the API itself by POST": { method: "POST", path: "/api", headers: proof },
    "the user with a slash": get("/api/user/", proof),
    "the user by POST": { method: "POST", path: "/api/user", headers: proof },
    "the user in Protocol Buffers": get("/api/user", { ...proof, accept: "application/protobuf" }),
    "the user in anything": get("/api/user", { ...proof, accept: "*/*", "content-type": "application/protobuf" }),
    "an unknown call": get("/api/nothing", proof),
    "an unknown instance": get("/api/instances/none", proof),
    "an unknown instance in Protocol Buffers": get("/api/instances/none", { ...proof, accept: "application/protobuf" })
  }
}

const accounts = ({ password, username }: Target): Requests => {
  const proof = basic(username, password)
  const authorized = (request: Request): Request => ({ ...request, headers: { ...request.headers, ...proof } })
  const named = (method: string, path: string): Request => ({ method, path, headers: proof })
  return {
    "a new service account": authorized(accountNamed(JSON.stringify({ name: "night shift" }))),
    "a name that is taken": authorized(accountNamed(JSON.stringify({ name: "night shift" }))),
    "a name that is a number": authorized(accountNamed(JSON.stringify({ name: 7 }))),
    "no name": authorized(accountNamed("{}")),
    "no body": named("POST", "/api/service-accounts"),
    "an unknown field": authorized(accountNamed(JSON.stringify({ canary: 1 }))),
    "a service account": named("GET", "/api/service-accounts/night%20shift"),
    "its end": named("DELETE", "/api/service-accounts/night%20shift"),
    "its end again": named("DELETE", "/api/service-accounts/night%20shift"),
    "a service account by PUT": named("PUT", "/api/service-accounts/night%20shift")
  }
}

/** The outcome of every request, by its description. */
export const outcomes = (target: Target): Effect.Effect<Readonly<Record<string, Outcome>>, Error> =>
  Effect.gen(function*() {
    const { password, username } = target
    const proof = basic(username, password)
    const ask = (requests: Requests) => Effect.all(map(requests, (request) => send(target, request)))
    const askSlowly = (requests: Requests) =>
      Effect.all(map(requests, (request) => Effect.zipRight(Effect.sleep("250 millis"), send(target, request))))
    const login = send(target, token({ grant_type: "password", username, password }))

    const { applicationId: id, applicationSecret: secret } = yield* granted(
      send(target, post("/api/service-accounts", JSON.stringify({ name: "shift" }), { ...proof, "content-type": json }))
    )
    const { access_token: expired } = yield* granted(login)
    const loggedIn = yield* ask(logins(target))
    yield* Effect.sleep("5 seconds") // an access token lives for three
    const { access_token: access, refresh_token: refresh } = yield* granted(login)
    const code = /code=([^&]*)/.exec(Option.getOrThrow(loggedIn["a login"]!).headers.location ?? "")?.[1]
    const given: Given = { access, expired, refresh, code, id, secret }

    const answered = {
      ...(yield* ask(calls(target, given))),
      ...loggedIn,
      ...(yield* ask(open)),
      ...(yield* ask(accounts(target))),
      ...(yield* askSlowly(tokens(target, given)))
    }
    // the limit comes before anything else; a busy machine may need more than one second for a burst
    const burst = yield* Effect.replicateEffect(send(target, get("/auth/token")), 12, { concurrency: "unbounded" })
      .pipe(
        Effect.map((answers) => Arr.findFirst(Arr.getSomes(answers), ({ status }) => status !== 400)),
        Effect.repeat({ until: Option.isSome, times: 9 })
      )
    const alone = token({ grant_type: "client_credentials", client_id: id ?? "", client_secret: secret ?? "" })
    yield* Effect.sleep("1100 millis")
    return map({
      ...answered,
      "the sixth token request of a second": burst,
      // the last of all: on the real server it ends the use of one worker
      "a service account as itself": yield* send(target, alone)
    }, (answer) => outcome(target, answer))
  })

const json = "application/json"

interface Answer {
  readonly status: number
  readonly headers: Http.IncomingHttpHeaders
  readonly text: string
}

/**
 * None if the server does not answer within three seconds. Each request has a connection of its own, which the server may
 * keep.
 */
const send = ({ baseUrl }: Target, { body = "", headers = {}, method, path }: Request) =>
  Effect.async<Answer, Error>((resume) => {
    const framing = { connection: "keep-alive", "content-length": String(Buffer.byteLength(body)) }
    const options = { method, headers: { ...headers, ...framing }, agent: false }
    const request = Http.request(`${baseUrl}${path}`, options, (response) => {
      const chunks: Array<Buffer> = []
      response.on("data", (chunk: Buffer) => chunks.push(chunk)).once("end", () => {
        const { headers, statusCode: status = 0 } = response
        request.destroy()
        resume(Effect.succeed({ status, headers, text: Buffer.concat(chunks).toString() }))
      })
    }).once("error", (error) => resume(Effect.fail(error)))
    request.end(body)
    return Effect.sync(() => request.destroy())
  }).pipe(Effect.timeoutOption("3 seconds"))

/** What a server gave, by name. */
const granted = <E>(answer: Effect.Effect<Option.Option<Answer>, E>) =>
  Effect.map(answer, (answer): Record<string, string> => JSON.parse(Option.getOrThrow(answer).text))

const outcome = ({ baseUrl }: Target, answer: Option.Option<Answer>): Outcome =>
  Option.match(answer, {
    onNone: () => "no answer",
    onSome: ({ headers, status, text }) => ({
      status,
      type: headers["content-type"],
      connection: headers.connection,
      location: headers.location?.replace(/code=[\w-]+/, "code="),
      body: comparable(headers["content-type"], text.replaceAll(baseUrl, ""))
    })
  })

const comparable = (type: string | undefined, text: string): unknown => {
  switch (type) {
    case json:
      return JSON.parse(text, (key, value: unknown) => secret.has(key) ? "" : known.has(key) ? value : undefined)
    case "application/protobuf":
      return text === "" ? "nothing" : "bytes"
    case "text/html":
      return ["Invalid username or password", "name=\"state\" value=\"a b\""].filter((part) => text.includes(part))
    default:
      return text
  }
}

/** Members of JSON that differ from server to server. */
const secret = new Set(["access_token", "refresh_token", "applicationId", "applicationSecret", "serverId", "revision"])

/** Members that the fake has; the empty name is the whole, numbers are places in lists. */
const known = new Set([
  ..."code type msg requireAuthentication yamcsVersion name superuser active user token_type expires_in".split(" "),
  ..."issuer authorization_endpoint token_endpoint response_types_supported response_modes_supported".split(" "),
  ...["grant_types_supported", "", "0", "1", "2", "3"]
])

const map = <A, B>(record: Readonly<Record<string, A>>, f: (value: A) => B): Readonly<Record<string, B>> =>
  Record.map(record, f)
