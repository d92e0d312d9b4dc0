/** The client of Qualys as a service, below everything that provides or requires it. */
import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Context from "effect/Context"

// @effect-diagnostics-next-line deterministicKeys:off -- every system's client has the key `<package>/Client`
export class QualysClient
  extends Context.Tag("@effect-auth/qualys/Client")<QualysClient, AuthenticatedHttpClient.Service>()
{}
