/**
 * The header by which mqweb tells a program from a page in a browser: a request that changes something must carry it.
 * Since 9.0.5 any value will do; before that it must be the value of the `csrfToken` cookie.
 */
import * as RequestCredentials from "@effect-auth/core/RequestCredentials"

/** Set by a login to 9.0.4 and earlier. */
export const cookieName = "csrfToken"

/** The header on requests that need it; `null` leaves it out. */
export const credentials = (token: string | null): RequestCredentials.RequestCredentials =>
  token === null
    ? RequestCredentials.none
    : RequestCredentials.header("ibm-mq-rest-csrf-token", token, { methods: ["POST", "PATCH", "DELETE"] })
