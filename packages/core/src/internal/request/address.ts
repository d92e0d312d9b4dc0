/** Origin and path of a request, as errors show it. The query is left out, because it may hold secrets. */
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Masking from "../masking.ts"

export const addressOf = ({ url }: Pick<HttpClientRequest.HttpClientRequest, "url">): string =>
  Masking.printable(url.replace(/[?#][^]*$/u, "").replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/]*@/iu, "$1"), longestAddress)

const longestAddress = 500
