/**
 * The header by which mqweb tells a program from a page in somebody's browser: a request that changes something must
 * carry it. From 9.0.5 on any value will do, before that it has to be the value of the `csrfToken` cookie.
 */
import * as Authenticator from "@effect-auth/core/Authenticator"

export const headerName = "ibm-mq-rest-csrf-token"

/** Of a login to 9.0.4 and earlier. */
export const cookieName = "csrfToken"

/** Writes the header where mqweb wants it; `null` leaves it out. */
export const signature = (token: string | null): Authenticator.Signature => {
  const header = Authenticator.header(headerName, token ?? "")
  return {
    places: header.places,
    sign: (request) => token !== null && changing.has(request.method) ? header.sign(request) : request
  }
}

const changing: ReadonlySet<string> = new Set(["POST", "PATCH", "DELETE"])
