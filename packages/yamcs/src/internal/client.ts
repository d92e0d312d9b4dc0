/** The client of Yamcs as a service, below everything that provides or requires it. */
import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Context from "effect/Context"

// @effect-diagnostics-next-line deterministicKeys:off -- every system's client has the key `<package>/Client`
export class YamcsClient
  extends Context.Tag("@effect-auth/yamcs/Client")<YamcsClient, AuthenticatedHttpClient.Service>()
{}
