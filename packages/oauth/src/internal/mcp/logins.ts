/** How many logins one request takes part in, the first one included: three (Model Context Protocol, "Step-Up"). Pure. */

/** Those since the server has last accepted anything. */
export interface Logins {
  readonly count: number
  /** Of the first, in epoch milliseconds. */
  readonly since: number
}

export const none: Logins = { count: 0, since: -Infinity }

export const oneMore = (now: number) => (logins: Logins): Logins =>
  isRecent(logins, now) ? { ...logins, count: logins.count + 1 } : { count: 1, since: now }

/** Whether another one would be too many. */
export const areEnough = (logins: Logins, now: number): boolean => isRecent(logins, now) && logins.count >= most

const isRecent = ({ since }: Logins, now: number): boolean => now - since < chain && now >= since

const most = 3

/** In milliseconds: how long logins count as those of one request. A person takes part in them. */
const chain = 600_000
