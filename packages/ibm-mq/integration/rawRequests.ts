/**
 * Requests as no client of ours sends them, for a comparison of the fake with the runtime under mqweb: what is a proof,
 * what is none, and what becomes of the cookie.
 */
import * as Effect from "effect/Effect"
import * as Https from "node:https"

/** A server, a user of it, and a token that it gave to the user. */
export interface Target {
  readonly baseUrl: string
  readonly ca: string
  readonly cookieName: string
  readonly username: string
  readonly password: string
}

/** What a request is answered: the status, and whether the token cookie is given, cleared or left alone. */
export type Outcome = `${number} ${"given" | "cleared" | "left alone"}`

interface Secrets {
  readonly name: string
  readonly token: string
  readonly good: string
  readonly wrong: string
  readonly base64: (text: string) => string
}

type Headers = Readonly<Record<string, string | ReadonlyArray<string>>>

const calls: Readonly<Record<string, (secrets: Secrets) => Headers>> = {
  "nothing": () => ({}),
  "Basic": ({ good }) => ({ authorization: `Basic ${good}` }),
  "a wrong password": ({ wrong }) => ({ authorization: `Basic ${wrong}` }),
  "an unknown user": ({ base64 }) => ({ authorization: `Basic ${base64("nobody:x")}` }),
  "basic": ({ good }) => ({ authorization: `basic ${good}` }),
  "BASIC": ({ good }) => ({ authorization: `BASIC ${good}` }),
  "Basic and two spaces": ({ good }) => ({ authorization: `Basic  ${good}` }),
  "Basic and a tab": ({ good }) => ({ authorization: `Basic\t${good}` }),
  "Basic alone": () => ({ authorization: "Basic" }),
  "Basic without padding": ({ good }) => ({ authorization: `Basic ${good.replace(/=+$/, "")}` }),
  "Basic that is not base64": () => ({ authorization: "Basic ????" }),
  "Basic without a colon": ({ base64 }) => ({ authorization: `Basic ${base64("reader")}` }),
  "Basic without a password": ({ base64 }) => ({ authorization: `Basic ${base64("reader:")}` }),
  "Basic without a user": ({ base64 }) => ({ authorization: `Basic ${base64(":x")}` }),
  "another scheme": ({ good }) => ({ authorization: `Bearer ${good}` }),
  "the cookie": ({ name, token }) => ({ cookie: `${name}=${token}` }),
  "the cookie in quotes": ({ name, token }) => ({ cookie: `${name}="${token}"` }),
  "the cookie with spaces": ({ name, token }) => ({ cookie: `${name} = ${token} ` }),
  "the cookie among others": ({ name, token }) => ({ cookie: `a=b; ${name}=${token}; c="d` }),
  "the cookie after a semicolon alone": ({ name, token }) => ({ cookie: `a=b;${name}=${token}` }),
  "the cookie after a comma": ({ name, token }) => ({ cookie: `a=b, ${name}=${token}` }),
  "the cookie in lower case": ({ name, token }) => ({ cookie: `${name.toLowerCase()}=${token}` }),
  "the cookie after a bad one": ({ name, token }) => ({ cookie: `${name}=AAAA; ${name}=${token}` }),
  "the cookie before a bad one": ({ name, token }) => ({ cookie: `${name}=${token}; ${name}=AAAA` }),
  "the cookie after an empty one": ({ name, token }) => ({ cookie: `${name}=; ${name}=${token}` }),
  "the cookie in a second header": ({ name, token }) => ({ cookie: [`${name}=AAAA`, `${name}=${token}`] }),
  "the cookie percent-encoded": ({ name, token }) => ({ cookie: `${name}=${encodeURIComponent(token)}` }),
  "the cookie without its end": ({ name, token }) => ({ cookie: `${name}=${token.slice(0, -6)}` }),
  "the token under another name": ({ token }) => ({ cookie: `LtpaToken2=${token}` }),
  "an empty cookie": ({ name }) => ({ cookie: `${name}=` }),
  "an empty cookie in quotes": ({ name }) => ({ cookie: `${name}=""` }),
  "a bad cookie": ({ name }) => ({ cookie: `${name}=AAAA` }),
  "the cookie and a wrong password": ({ name, token, wrong }) => ({
    cookie: `${name}=${token}`,
    authorization: `Basic ${wrong}`
  }),
  "a bad cookie and Basic": ({ good, name }) => ({ cookie: `${name}=AAAA`, authorization: `Basic ${good}` }),
  "an empty cookie and Basic": ({ good, name }) => ({ cookie: `${name}=`, authorization: `Basic ${good}` }),
  "a bad cookie and a wrong password": ({ name, wrong }) => ({
    cookie: `${name}=AAAA`,
    authorization: `Basic ${wrong}`
  })
}

const logins: Readonly<Record<string, (user: { readonly username: string; readonly password: string }) => string>> = {
  "a login": (user) => JSON.stringify(user),
  "a login with spaces, as Python writes it": ({ password, username }) =>
    `{"username": ${JSON.stringify(username)}, "password": ${JSON.stringify(password)}}`,
  "a login with the password first": ({ password, username }) => JSON.stringify({ password, username }),
  "a login with more than it takes": (user) => JSON.stringify({ ...user, more: 1 }),
  "a login with a wrong password": (user) => JSON.stringify({ ...user, password: "canary-wrong" }),
  "a login without a password": ({ username }) => JSON.stringify({ username }),
  "a login that is not JSON": () => "{",
  "a login without a body": () => ""
}

/** What the server answers to each of the requests, by their descriptions. */
export const outcomes = (target: Target): Effect.Effect<Readonly<Record<string, Outcome>>, Error> =>
  Effect.gen(function*() {
    const { cookieName, password, username } = target
    const login = (body: string) => send(target, "POST", "/login", { "content-type": "application/json" }, body)
    const token = (yield* login(JSON.stringify({ username, password }))).token ?? ""
    const base64 = (text: string) => Buffer.from(text).toString("base64")
    const secrets = {
      name: cookieName,
      token,
      good: base64(`${username}:${password}`),
      wrong: base64(`${username}:canary-wrong`),
      base64
    }
    const answered = yield* Effect.all({
      ...map(calls, (headers) => send(target, "GET", "/admin/qmgr", headers(secrets))),
      ...map(logins, (body) => login(body({ username, password })))
    })
    return map(
      answered,
      ({ status, token }): Outcome =>
        `${status} ${token === undefined ? "left alone" : token === "\"\"" ? "cleared" : "given"}`
    )
  })

const map = <A, B>(record: Readonly<Record<string, A>>, f: (value: A) => B): Readonly<Record<string, B>> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, f(value)]))

/** Node's own client writes headers as they are, twice if there are two. `token`: the value that the last cookie sets. */
const send = ({ baseUrl, ca, cookieName }: Target, method: string, path: string, headers: Headers, body = "") =>
  Effect.async<{ readonly status: number; readonly token: string | undefined }, Error>((resume) => {
    const options = {
      method,
      ca,
      agent: false,
      headers: {
        accept: "application/json",
        ...map(headers, (value) => typeof value === "string" ? value : [...value])
      }
    }
    Https.request(`${baseUrl}${path}`, options, (response) => {
      const lines = (response.headers["set-cookie"] ?? []).filter((line) => line.startsWith(`${cookieName}=`))
      const token = lines.at(-1)?.slice(cookieName.length + 1).split(";")[0]
      response.resume().once("end", () => resume(Effect.succeed({ status: response.statusCode ?? 0, token })))
    }).once("error", (error) => resume(Effect.fail(error))).end(body)
  })
