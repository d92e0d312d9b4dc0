/** The header that names the queue manager through which a command reaches a remote one. */
import type { InvalidSetting } from "@effect-auth/core/AuthError"
import * as System from "@effect-auth/core/System"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as Either from "effect/Either"

/** An answer names the gateway that was used in the same header. */
export const header = "ibm-mq-rest-gateway-qmgr"

export const setting = (name: string): Either.Either<string, InvalidSetting> =>
  System.headerSetting("gatewayQmgr", name)

/** Commands alone may have the header, and a command may name another gateway. */
export const through = (
  request: HttpClientRequest.HttpClientRequest,
  name: string
): HttpClientRequest.HttpClientRequest =>
  header in request.headers || !request.url.includes("/admin/action/")
    ? request
    : HttpClientRequest.setHeader(request, header, name)
