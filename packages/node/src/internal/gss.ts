/** Tokens by the package `kerberos`, which is loaded when the first is needed: it is a binding that not all can build. */
import * as Negotiate from "@effect-auth/core/Negotiate"
import type { DurationWithUnit } from "@effect-auth/rate-limit/DurationWithUnit"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as GssProblem from "./gssProblem.ts"

/** What is used of the package. */
export interface Gss {
  readonly GSS_MECH_OID_KRB5: number
  readonly GSS_MECH_OID_SPNEGO: number
  readonly initializeClient: (
    service: string,
    options: { readonly mechOID: number; readonly principal?: string }
  ) => Promise<{ readonly step: (challenge: string) => Promise<string> }>
}

/** The package, or why it cannot be used. */
export const load: Effect.Effect<Gss, string> = Effect.tryPromise({
  // a module of CommonJS
  try: async (): Promise<Gss> => (await import("kerberos")).default,
  catch: (error) =>
    Predicate.hasProperty(error, "code") && error.code === "ERR_MODULE_NOT_FOUND"
      ? "the package `kerberos` is not installed (npm install kerberos)"
      : "the package `kerberos` is not built for this system (npm rebuild kerberos; it takes a C++ compiler and the " +
        "headers of the GSS-API, on Debian those of libkrb5-dev)"
})

/**
 * The calls of the GSS-API run one at a time in a thread of the pool that they share with files and DNS, and cannot be
 * interrupted: whoever stops waiting leaves the call where it is, and the next one waits for it.
 */
export const make = (
  load: Effect.Effect<Gss, string>,
  { mechanism, timeout }: {
    readonly mechanism: (gss: Gss) => number
    readonly timeout: DurationWithUnit
  }
): Negotiate.Service => {
  const oneAtATime = Effect.unsafeMakeSemaphore(1).withPermits(1)
  return {
    token: (target) => {
      const failed = (problem: Pick<Negotiate.NegotiateError, "reason" | "problem">) =>
        new Negotiate.NegotiateError({ ...problem, service: target.service })
      const call = Effect.flatMap(
        Effect.mapError(load, (problem) => failed({ reason: "Unsupported", problem })),
        (gss) => Effect.mapError(first(gss, mechanism(gss), target), (words) => failed(GssProblem.of(words)))
      )
      return Effect.uninterruptible(call).pipe(
        oneAtATime,
        Effect.disconnect,
        Effect.timeoutFail({
          duration: timeout,
          onTimeout: () => failed({ reason: "KdcUnreachable", problem: `no answer within ${Duration.format(timeout)}` })
        }),
        Effect.map(Redacted.make)
      )
    }
  }
}

/** The first token of a security context. */
const first = (gss: Gss, mechOID: number, { principal, service }: Negotiate.Target) =>
  Effect.tryPromise({
    try: async () => {
      const client = await gss.initializeClient(service, { mechOID, ...(principal === undefined ? {} : { principal }) })
      return await client.step("")
    },
    catch: (error) => error instanceof Error ? error.message : "the GSS-API does not say why"
  })
