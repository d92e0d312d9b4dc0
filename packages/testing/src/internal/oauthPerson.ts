/** What persons decide at an OAuth authorization server, and what waits for them. Times are epoch milliseconds. */

/**
 * What a person does who is asked to log in. `Ignores`: nothing, so that the login stays open.
 *
 * @since 0.1.0
 * @category models
 */
export type Decision =
  | {
    readonly _tag: "Agrees"
    /** Default: that of `canaries`. */
    readonly user?: string | undefined
    /** What the person grants. Default: all that is asked for. */
    readonly scope?: string | undefined
  }
  | {
    readonly _tag: "Denies"
    /** Default: `access_denied`. */
    readonly error?: string | undefined
  }
  | { readonly _tag: "Ignores" }

/** A code that a browser brought back. */
export interface Code {
  readonly client: string
  readonly user: string
  readonly scope: string | undefined
  readonly redirectUri: string
  readonly challenge: string
  /** The thumbprint of the key that has to be proved with it (RFC 9449 section 10). */
  readonly key: string | undefined
  readonly expiresAt: number
  /** The one that it began. */
  readonly session: number | undefined
}

/** A code that waits for a person. */
export interface Device {
  readonly client: string
  readonly userCode: string
  readonly scope: string | undefined
  readonly challenge: string | undefined
  readonly expiresAt: number
  readonly interval: number
  readonly askedAt: number | undefined
  readonly decision: Decision | undefined
}
