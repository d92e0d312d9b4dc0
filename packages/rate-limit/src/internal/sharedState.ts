/**
 * What the processes that share the quotas of one key have in common: what the server stated, and who holds how much of it.
 * It is soft: each process knows enough of it to bring it back. Every number is whole; times are those of the place where it
 * is kept, in epoch milliseconds, and zero is no time.
 */

export interface SharedState {
  /** When it was begun: a process that has seen another one tells all that it knows. */
  readonly epoch: number
  /** The last exchange. */
  readonly at: number
  /** Until then every process may claim what it holds, and nothing is granted. */
  readonly claim: number
  /** How many processes have to come for the claims to be over; 0: nobody knows. */
  readonly expected: number
  /** Whether the server has answered: before that, one process finds out for all. */
  readonly open: Flag
  readonly prober: string
  readonly proberUntil: number
  /** Those that died while they found out: each may have made a call. */
  readonly lost: number
  /** Nothing is sent before. */
  readonly blocked: number
  readonly quotas: ReadonlyArray<SharedQuota>
  readonly members: Readonly<Record<string, Member>>
}

export type Flag = 0 | 1

/**
 * - `slots`: calls that run at once
 * - `sliding`: each call counts for the length of the window
 * - `fixed`: all calls count until the window ends
 * - `unknown`: one of the two; sliding is assumed, because that is safe in both
 */
export type Kind = "slots" | "sliding" | "fixed" | "unknown"

export interface SharedQuota {
  readonly name: string
  readonly kind: Kind
  readonly limit: number
  /** 0: not stated. */
  readonly window: number
  /** When the server promised more. */
  readonly end: number
  /** When the last fixed window ended. */
  readonly begin: number
  /** Calls that were answered before are of fixed windows that have ended: the server has counted fewer. */
  readonly countedFrom: number
  /** What others than these processes use of it; of a fixed window, what they have used since it began. */
  readonly others: number
  /** What others used of the fixed window before. */
  readonly usual: number
  /** Until then what others use is not taken for less. */
  readonly wary: number
  /** When the latest statement arrived. */
  readonly heard: number
  /** A statement that is judged once every process has reported past it; -1 calls used: there is none. */
  readonly pending: readonly [sentAt: number, answeredAt: number, used: number, isBlock: Flag]
  /** The calls of all processes that were answered, by the number of their {@link bucket}. */
  readonly charges: Counts
  /** What processes held that are gone, by when it may be used again. */
  readonly out: Counts
  /** Until then a process has a reserved call to find out whether the window is fixed. */
  readonly probe: number
}

export type Counts = Readonly<Record<string, number>>

/** A process, in few bytes. `holds` are in the order of the quotas. */
export type Member = readonly [
  leaseUntil: number,
  reportedAt: number,
  /** Whether all of its calls are among the charges. */
  isCounted: Flag,
  /** Whether it was asked to report since its last report. */
  isAsked: Flag,
  /** 0: it has yet to claim what it holds. 1: it has. 2: it came later, with nothing to claim. */
  claimed: Flag | 2,
  inFlight: number,
  waiting: number,
  holds: ReadonlyArray<Hold>
]

/**
 * `share`: what it may use. `bound`: what it may be using. It is more than the share where the share has shrunk, until it
 * reports that it keeps to that and its calls have left the window. `need`: what it would use.
 */
export type Hold = readonly [share: number, bound: number, need: number]

/** What a process says. */
export interface Report {
  readonly id: string
  /** In milliseconds: how long it keeps to what it is granted. */
  readonly lease: number
  /** Of the state that it knows; 0: it knows none. */
  readonly epoch: number
  /** How many processes there were when nothing was missing; 0: it does not know. */
  readonly members: number
  readonly inFlight: number
  readonly waiting: number
  /** It goes, and uses nothing more. */
  readonly leaves: Flag
  /** Whether the server has answered it something else than a block. */
  readonly open: Flag
  readonly blocked: number
  readonly known: ReadonlyArray<KnownQuota>
  readonly holds: ReadonlyArray<Held>
  readonly stated: ReadonlyArray<Statement>
}

/** A quota of the state as every process knows it. */
export interface KnownQuota
  extends Pick<SharedQuota, "name" | "kind" | "limit" | "window" | "end" | "begin" | "others" | "out">
{}

/** What the process has of a quota. */
export interface Held {
  readonly name: string
  readonly slots: Flag
  readonly share: number
  /** Calls that count, those in flight included. */
  readonly used: number
  /** What it would use. */
  readonly need: number
  /** Pairs of a time and a number of calls that were answered then, and that no report has told yet. */
  readonly charges: ReadonlyArray<number>
}

/** What the server said about a quota. */
export interface Statement {
  readonly name: string
  readonly slots: Flag
  readonly limit: number
  readonly window: number
  readonly end: number
  /** -1: the server did not say. */
  readonly used: number
  readonly sentAt: number
  readonly answeredAt: number
  /** Whether the call was blocked. */
  readonly isBlock: Flag
}

/** What a process is told. */
export interface Reply {
  readonly now: number
  readonly epoch: number
  readonly members: number
  /** Whether claims are awaited, so that there may be more of them. */
  readonly claims: Flag
  /** `wait`: nothing may be sent. `probe`: one call at a time. `open`: what the shares admit. */
  readonly mode: "wait" | "probe" | "open"
  readonly blocked: number
  /** Whether another process waits for what this one gives up: it is to report at once that it keeps to less. */
  readonly again: Flag
  /** When there will be more to divide. */
  readonly more: number
  readonly quotas: ReadonlyArray<GrantedQuota>
}

export interface GrantedQuota extends KnownQuota, Pick<SharedQuota, "countedFrom"> {
  readonly share: number
}

/** Who is to report at once. */
export type News = ReadonlyArray<string>

export const everyone: News = ["*"]

/** Whether the news is for this process. */
export const isFor = (news: News, id: string): boolean => news.includes("*") || news.includes(id)

export const begun = (report: Report, now: number, isSettled: boolean): SharedState => ({
  epoch: now,
  at: now,
  claim: isSettled && report.epoch === 0 ? 0 : now + report.lease,
  expected: 0,
  open: 0,
  prober: "",
  proberUntil: 0,
  lost: 0,
  blocked: 0,
  quotas: [],
  members: {}
})

export const isOf = (
  quota: Pick<SharedQuota, "name" | "kind">,
  { name, slots }: Pick<Held, "name" | "slots">
): boolean => quota.name === name && (quota.kind === "slots") === (slots === 1)

/** The length of a window, or how long a refill is waited for that was never stated. */
export const lengthOf = ({ window }: Pick<SharedQuota, "window">): number => window === 0 ? unknownWindow : window

const unknownWindow = 60_000

/**
 * What is left to others: what they use, and what they may yet use of a fixed window, if they go on as in the one before. The
 * less of it is left, the less they will use.
 */
export const leftToOthers = (
  { begin, end, others, usual, window }: Pick<SharedQuota, "begin" | "end" | "others" | "usual" | "window">,
  now: number
): number => {
  const length = window === 0 ? end - begin : window
  // no length is known before an end is stated, nor where the ends that were stated contradict each other
  if (end === 0 || length <= 0) return others + usual
  return others + Math.ceil(usual * Math.min(length, Math.max(0, end - now)) / length)
}

/**
 * In milliseconds, by how much a fixed window may begin or end earlier than is stated: servers state whole seconds, and the answer was
 * on its way, whatever clocks are apart.
 */
export const doubt = 2000

export const nothingPending: SharedQuota["pending"] = [0, 0, -1, 0]

/** Calls are counted together for a fiftieth of the window. */
export const bucketOf = ({ window }: Pick<SharedQuota, "window">): number => window === 0 ? 250 : Math.ceil(window / 50)

/** Where no length of the window is stated, the oldest are counted together, and as later than they were. */
export const withOldestMerged = (counts: Counts): Counts => {
  const keys = Object.keys(counts).map(Number).sort((a, b) => a - b)
  const merged = keys.slice(0, Math.max(0, keys.length - mostBuckets))
  if (merged.length === 0) return counts
  const count = merged.reduce((sum, key) => sum + (counts[String(key)] ?? 0), 0)
  return add(where(counts, (key) => !merged.includes(key)), keys[merged.length] ?? 0, count)
}

const mostBuckets = 64

export const sum = (counts: Counts): number => Object.values(counts).reduce((sum, count) => sum + count, 0)

export const add = (counts: Counts, key: number, count: number): Counts =>
  count === 0 ? counts : { ...counts, [String(key)]: (counts[String(key)] ?? 0) + count }

/** Those at whose number the predicate holds. */
export const where = (counts: Counts, holds: (key: number) => boolean): Counts =>
  Object.fromEntries(Object.entries(counts).filter(([key]) => holds(Number(key))))

export const withHolds = (
  [until, at, isCounted, isAsked, hasClaimed, inFlight, waiting]: Member,
  holds: ReadonlyArray<Hold>
): Member => [until, at, isCounted, isAsked, hasClaimed, inFlight, waiting, holds]

export const mapMembers = (
  members: SharedState["members"],
  f: (member: Member) => Member
): SharedState["members"] => Object.fromEntries(Object.entries(members).map(([id, member]) => [id, f(member)]))

/** What was in use until then is out for a window more; few times are told apart. */
export const outWith = (
  quota: Pick<SharedQuota, "kind" | "window" | "out">,
  usedUntil: number,
  count: number,
  now: number
): Counts => {
  const length = quota.kind === "slots" ? 0 : lengthOf(quota)
  const step = Math.max(1, Math.ceil(length / 16))
  const until = Math.ceil((usedUntil + length) / step) * step
  return until > now ? add(quota.out, until, count) : quota.out
}

/** Servers have up to three quotas. */
export const mostQuotas = 5
