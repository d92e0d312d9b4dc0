/** What can go wrong between a client and a server, as a table: what the client does, and how that ends. */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as HostileServer from "./hostileServer.ts"

/** Where a scenario's requests go. */
export interface Place {
  readonly baseUrl: string
  /** The part of the path before `/hostile/`. */
  readonly prefix: string
}

/**
 * Any error. The suite prints it, and looks at its tag.
 *
 * @since 0.1.0
 * @category models
 */
export type AnyError = NonNullable<unknown>

export interface Scenario {
  readonly run: (client: AuthenticatedHttpClient.Service, place: Place) => Effect.Effect<unknown, AnyError>
  /**
   * The tags it may end with: of its error, or `Success`, `Interrupt`, `Defect`. `undefined`: of any error.
   */
  readonly outcomes: ReadonlyArray<string> | undefined
  /** How many redirects the client follows. Default: none. */
  readonly redirects?: number | undefined
  /** For modes that log in. */
  readonly login?: HostileServer.LoginFailure | undefined
  /** The transport dies with a defect that quotes the request. */
  readonly dyingTransport?: true | undefined
}

/** By what happens, to be read after "when". */
export const scenarios = {
  "a request succeeds": {
    run: (client, place) =>
      Effect.flatMap(get(client, place, "ok"), (response) => Effect.zip(Effect.succeed(response), response.json)),
    outcomes: ["Success"]
  },
  "a response sets a session": {
    run: (client, place) => get(client, place, "session"),
    outcomes: ["Success"]
  },
  "credentials are refused": {
    run: (client, place) => get(client, place, "refused"),
    outcomes: ["CredentialsRejected", "AuthenticationFailed"]
  },
  "a refusal repeats the credentials": {
    run: (client, place) => get(client, place, "echoed"),
    outcomes: ["CredentialsRejected", "AuthenticationFailed"]
  },
  "a refusal repeats the credentials in XML": {
    run: (client, place) => get(client, place, "echoed-in-xml"),
    outcomes: ["CredentialsRejected", "AuthenticationFailed"]
  },
  "credentials are refused as if they were revoked": {
    run: (client, place) => get(client, place, "revoked"),
    outcomes: ["Success", "CredentialsRejected", "AuthenticationFailed"]
  },
  "credentials are refused and the client is a plain HttpClient": {
    run: (client, place) => get(AuthenticatedHttpClient.toHttpClient(client), place, "refused"),
    outcomes: ["RequestError"]
  },
  "a request is forbidden": {
    run: (client, place) => get(client, place, "forbidden"),
    outcomes: ["Success", "AuthenticationFailed"]
  },
  "the server fails": {
    run: (client, place) => get(client, place, "failing"),
    outcomes: ["Success"]
  },
  "a status is filtered out": {
    run: (client, place) => get(HttpClient.filterStatus(client, (status) => status === 204), place, "ok"),
    outcomes: ["ResponseError"]
  },
  "a request times out": {
    run: (client, place) => Effect.timeout(get(client, place, "silent"), "50 millis"),
    outcomes: ["TimeoutException"]
  },
  "the connection breaks": {
    run: (client, place) => get(client, place, "reset"),
    outcomes: ["RequestError"]
  },
  "a body breaks off": {
    run: (client, place) => Effect.flatMap(get(client, place, "broken"), (response) => response.json),
    outcomes: ["ResponseError"]
  },
  "a body is malformed": {
    run: (client, place) => Effect.flatMap(get(client, place, "malformed"), (response) => response.json),
    outcomes: ["ResponseError"]
  },
  "a body cannot be decoded": {
    run: (client, place) =>
      Effect.flatMap(
        get(client, place, "undecodable"),
        HttpClientResponse.schemaBodyJson(Schema.Struct({ count: Schema.Number }))
      ),
    outcomes: ["ParseError"]
  },
  "a body is of another kind": {
    run: (client, place) => Effect.flatMap(get(client, place, "malformed"), (response) => response.formData),
    outcomes: ["ResponseError"]
  },
  "a redirect is not followed": {
    run: (client, place) => get(client, place, "redirect"),
    outcomes: ["Success"]
  },
  "a redirect is followed": {
    run: (client, place) => get(client, place, "redirect"),
    redirects: 10,
    outcomes: ["Success"]
  },
  "a redirect leads to another origin": {
    run: (client, place) =>
      get(client, place, `away?to=${encodeURIComponent(HostileServer.otherOrigin(place.baseUrl))}`),
    redirects: 10,
    outcomes: ["Success"]
  },
  "a redirect is refused": {
    run: (client, place) => get(client, place, "downgrade"),
    redirects: 10,
    outcomes: ["RedirectRefused"]
  },
  "a request is for another origin": {
    run: (client, place) => client.get(`${HostileServer.otherOrigin(place.baseUrl)}/hostile/elsewhere`),
    outcomes: ["OriginRefused"]
  },
  "a request is interrupted": {
    run: (client, place) =>
      Effect.gen(function*() {
        const fiber = yield* Effect.fork(get(client, place, "silent"))
        yield* Effect.sleep("20 millis")
        yield* Fiber.interrupt(fiber)
        return yield* Fiber.join(fiber)
      }),
    outcomes: ["Interrupt"]
  },
  "the transport dies with the request": {
    run: (client, place) => get(client, place, "ok"),
    dyingTransport: true,
    outcomes: ["Defect"]
  },
  "the answer to a login is malformed": failingLogin("malformed"),
  "the answer to a login lacks the token": failingLogin("lacking"),
  "a login is refused": failingLogin("refused"),
  "the refusal of a login repeats it": failingLogin("echoed"),
  "the refusal of a login repeats it in XML": failingLogin("echoed in XML"),
  "a login gets no answer": {
    run: (client, place) => Effect.timeout(get(client, place, "ok"), "50 millis"),
    login: "silent",
    outcomes: ["TimeoutException"]
  },
  "a login fails": failingLogin("failing"),
  "a login is redirected": failingLogin("redirected"),
  "the connection of a login breaks": failingLogin("reset")
} satisfies Readonly<Record<string, Scenario>>

/**
 * The scenarios of the suite, by what happens.
 *
 * @since 0.1.0
 * @category models
 */
export type ScenarioName = keyof typeof scenarios

const get = <E>(client: HttpClient.HttpClient.With<E>, { prefix }: Place, name: string) =>
  client.get(HostileServer.path(prefix, name))

function failingLogin(login: HostileServer.LoginFailure): Scenario {
  return { run: (client, place) => get(client, place, "ok"), login, outcomes: undefined }
}
