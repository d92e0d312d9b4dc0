/** What of a request's URL is sent, as the platform writes it: its query parameters are part of it by then. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Option from "effect/Option"

/** `undefined`: the request fails for its URL, whatever it is signed with. */
export const urlOf = (request: HttpClientRequest.HttpClientRequest): URL | undefined =>
  Option.getOrUndefined(HttpClientRequest.toUrl(request))
