/** The one way to switch the verification of servers off, which never goes unsaid. */
import * as Effect from "effect/Effect"

export interface Options {
  readonly dangerouslyAcceptAnyServerCertificate?: boolean | undefined
}

/** Whether any server is accepted, with a warning if so. */
export const accepted = (options: Options): Effect.Effect<boolean> => {
  // anything but true, from callers without types, keeps verification on
  const any = options.dangerouslyAcceptAnyServerCertificate === true
  return Effect.as(
    any
      ? Effect.logWarning(
        "dangerouslyAcceptAnyServerCertificate is set: the certificates of servers are not verified, and credentials go " +
          "to any server that answers; set ca or caFile to the authority that signed the server's certificate instead"
      )
      : Effect.void,
    any
  )
}
