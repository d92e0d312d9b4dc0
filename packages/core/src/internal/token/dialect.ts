/**
 * What the answer of a token endpoint means: one pure table per dialect. A refresh token may be given up only in the
 * server's own protocol, because between it and the client stand proxies with statuses and pages of their own.
 */

/**
 * What the tables decide by.
 *
 * @since 0.1.0
 * @category models
 */
export interface Answer {
  readonly status: number
  /** The server's own code, such as `invalid_grant`, as `explain` reads it. */
  readonly code: string | undefined
  /** What Entra says beside the code, its `suberror`. */
  readonly suberror?: string | undefined
  /** Whether it has an `error` that is no text, so that it is no refusal as RFC 6749 knows them. */
  readonly unreadable?: boolean | undefined
  /** Whether it asks for HTTP Basic with 401, which is how a client's secret is refused (RFC 6749 section 5.2). */
  readonly challenged?: boolean | undefined
  /** What the body is, whatever its content type says; `Text` if it could not be read. */
  readonly content: "Empty" | "Json" | "Html" | "Text"
}

/**
 * What an exchange sends: credentials, or a refresh token.
 *
 * @since 0.1.0
 * @category models
 */
export type Grant = "login" | "refresh"

/**
 * - `GrantEnded`: the credentials, or the refresh token, are wrong or good no more
 * - `WrongSetting`: the server does not accept the client, or what it asks for; a refresh token stays good
 * - `InteractionRequired`: a person has to log in
 * - `TryAgain`: the server cannot answer now
 * - `Unexpected`: no answer of this endpoint; a proxy's, or the base URL is wrong
 * - `Malformed`: an answer in the form of this protocol that says nothing in it
 *
 * @since 0.1.0
 * @category models
 */
export type Verdict = "GrantEnded" | "WrongSetting" | "InteractionRequired" | "TryAgain" | "Unexpected" | "Malformed"

/**
 * Decides what an answer without a token means.
 *
 * @since 0.1.0
 * @category models
 */
export type Dialect = (answer: Answer, grant: Grant) => Verdict

/** OAuth 2: the code decides first, the status second, because servers use statuses as they like. */
export const oauth: Dialect = (answer, grant) => {
  const { challenged, code, content, status, suberror, unreadable } = answer
  if (suberror !== undefined && interactive.has(suberror)) return "InteractionRequired"
  const known = code === undefined ? undefined : codes.get(code)
  if (known !== undefined) return known
  if (isUnavailable(answer)) return "TryAgain"
  if (unreadable === true && code === undefined) return "Malformed"
  // be it with a page of the web server: a wrong secret that is sent again may lock the client out
  if (challenged === true && code === undefined && (content === "Html" || grant === "refresh")) return "WrongSetting"
  // 2xx: some servers refuse with 200 and a code
  const mayRefuse = status === 400 || status === 401 || status === 403 || (code !== undefined && status < 300)
  if (!mayRefuse || content === "Html") return "Unexpected"
  if (grant === "login") return "GrantEnded"
  if (code !== undefined && content === "Json") return "WrongSetting"
  // glewlwyd refuses a reused refresh token with an empty 400, and a wrong client with an empty 403
  return content !== "Empty" ? "Unexpected" : status === 400 ? "GrantEnded" : "WrongSetting"
}

/** 408, 429 and 5xx say in any dialect that it is worth to come back. */
export const isUnavailable = ({ status }: Pick<Answer, "status">): boolean =>
  status === 408 || status === 429 || status >= 500

/** RFC 6749 section 5.2, RFC 8707 section 2, RFC 9449 section 5, OpenID Connect Core section 3.1.2.6; the rest is Entra's. */
const codes: ReadonlyMap<string, Verdict> = new Map<string, Verdict>([
  ["invalid_grant", "GrantEnded"],
  // GitHub's word for it, with 200 or 400
  ["bad_refresh_token", "GrantEnded"],
  ["invalid_client", "WrongSetting"],
  ["unauthorized_client", "WrongSetting"],
  ["unsupported_grant_type", "WrongSetting"],
  ["invalid_scope", "WrongSetting"],
  ["invalid_request", "WrongSetting"],
  ["invalid_target", "WrongSetting"],
  ["invalid_dpop_proof", "WrongSetting"],
  ["temporarily_unavailable", "TryAgain"],
  ["server_error", "TryAgain"],
  ["interaction_required", "InteractionRequired"],
  ["login_required", "InteractionRequired"],
  ["consent_required", "InteractionRequired"],
  ["account_selection_required", "InteractionRequired"],
  ["bad_token", "InteractionRequired"]
])

/** Under `invalid_grant`, by which Entra means both a session that has ended and a person who has to do something. */
const interactive: ReadonlySet<string> = new Set([
  "basic_action",
  "additional_action",
  "message_only",
  "user_password_expired",
  "bad_token"
])
