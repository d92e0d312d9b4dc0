/** Whose tokens they are, in modes whose credentials do not say it. */
import { InvalidSetting } from "@effect-auth/core/AuthError"
import type * as Session from "./session.ts"

/** Tokens that nobody is named for are not stored. */
export const named = <R>(
  { account, store }: Pick<Session.TokenOptions, "store"> & { readonly account?: string | undefined },
  tokens: Session.Tokens<R>
): Session.Tokens<R> =>
  account === undefined && store !== undefined
    ? new InvalidSetting({
      setting: "store",
      problem: "needs an `account`, which says whose tokens they are: one account would get the token of another"
    })
    : tokens
