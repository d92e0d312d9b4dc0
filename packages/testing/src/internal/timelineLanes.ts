/** What a timeline shows, before it has a shape: a lane for each mode, quota and client certificate. */
import type { AuthEvent } from "@effect-auth/core/AuthEvent"
import { format } from "@effect-auth/core/AuthEvent"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"

export interface Timed {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly event: AuthEvent
}

/** A stretch of time; `to` is infinite where its end is not known. */
export interface Bar {
  readonly kind: "token" | "wait"
  readonly from: number
  readonly to: number
  readonly label: string
  readonly text: string
  /** Of a token. */
  readonly generation?: number
}

export type MarkKind = "rejected" | "failed" | "retried" | "stale" | "replayed" | "low" | "ended" | "other"

export interface Mark {
  readonly kind: MarkKind
  readonly at: number
  readonly text: string
}

/** How much of a quota is used, from 0 to 1, from this moment on. */
export interface Level {
  readonly at: number
  readonly used: number
}

export interface Lane {
  readonly kind: "token" | "quota" | "certificate"
  readonly name: string
  readonly bars: ReadonlyArray<Bar>
  readonly marks: ReadonlyArray<Mark>
  readonly levels: ReadonlyArray<Level>
}

/** Of a date (ECMA-262 section 21.4.1.1), in milliseconds. */
const latest = 8.64e15

/** By time, without what has none. */
export const inOrder = (events: ReadonlyArray<Timed>): ReadonlyArray<Timed> =>
  events.filter(({ at }) => Math.abs(at) <= latest).sort((a, b) => a.at - b.at)

/** The lanes of events that are in order, as they begin. */
export const make = (events: ReadonlyArray<Timed>): ReadonlyArray<Lane> => {
  const lanes = new Map<string, Lane>()
  for (const timed of events) {
    const { kind, name } = laneOf(timed.event)
    const key = `${kind} ${name}`
    lanes.set(key, add(lanes.get(key) ?? { kind, name, bars: [], marks: [], levels: [] }, timed))
  }
  return Array.from(lanes.values())
}

/** From the first moment to the last; what lasts longer than the events is shown for a quarter of their time. */
export const range = (lanes: ReadonlyArray<Lane>): { readonly from: number; readonly to: number } => {
  const bars = lanes.flatMap(({ bars }) => bars)
  const times = [
    ...bars.map(({ from }) => from),
    ...bars.filter(({ kind }) => kind === "wait").map(({ to }) => to),
    ...lanes.flatMap(({ marks }) => marks.map(({ at }) => at)),
    ...lanes.flatMap(({ levels }) => levels.map(({ at }) => at))
  ]
  const from = minimum(times, 0)
  const last = maximum(times, 0)
  const margin = Math.max(1, (last - from) / 4)
  const longest = maximum(bars.map(({ to }) => to), last)
  return { from, to: Math.max(from + 1, last, Math.min(longest, last + margin)) }
}

/** In words: what there is to see, for those who do not see it. */
export const summary = (events: ReadonlyArray<Timed>): string => {
  const counted = new Map<string, number>()
  for (const { event } of events) {
    const what = nameOf(event)
    counted.set(what, (counted.get(what) ?? 0) + 1)
  }
  return Array.from(counted, ([what, count]) => `${what}: ${count}`).join(", ")
}

const laneOf = (event: AuthEvent): Pick<Lane, "kind" | "name"> =>
  "mode" in event
    ? { kind: "token", name: event.mode }
    : "subject" in event
    ? { kind: "certificate", name: event.subject }
    : { kind: "quota", name: event.key }

const add = (lane: Lane, { at, event }: Timed): Lane => {
  const text = format(event)
  const marked = (kind: MarkKind): Lane => ({ ...lane, marks: [...lane.marks, { kind, at, text }] })
  switch (event._tag) {
    case "TokenObtained": {
      const to = event.expiresIn === undefined ? Infinity : at + Duration.toMillis(event.expiresIn)
      const bar: Bar = { kind: "token", from: at, to, label: event.provenance, text, generation: event.generation }
      return { ...lane, bars: [...ended(lane.bars, at), bar] }
    }
    case "TokenRejected": {
      const current = lane.bars[lane.bars.length - 1]?.generation === event.generation
      return { ...marked("rejected"), bars: current ? ended(lane.bars, at) : lane.bars }
    }
    case "LoggedOut":
      return { ...marked("ended"), bars: ended(lane.bars, at) }
    case "ExchangeFailed":
    case "StoreFailed":
    case "CertificateNotReplaced":
      return marked("failed")
    case "ExchangeRetried":
      return marked("retried")
    case "ServedStale":
      return marked("stale")
    case "RequestReplayed":
      return marked("replayed")
    case "ApproachingLimit": {
      const level = event.limit === undefined || event.limit <= 0
        ? []
        : [{ at, used: Math.min(1, Math.max(0, 1 - event.remaining / event.limit)) }]
      return {
        ...marked("low"),
        levels: [...lane.levels, ...level, { at: DateTime.toEpochMillis(event.until), used: 0 }]
      }
    }
    case "WaitingUntil": {
      const bar: Bar = {
        kind: "wait",
        from: at,
        to: DateTime.toEpochMillis(event.until),
        label: event.waiters === 1 ? "1 waits" : `${event.waiters} wait`,
        text
      }
      return { ...lane, bars: [...ended(lane.bars, at), bar] }
    }
    default:
      return marked("other")
  }
}

/** What lasts until now ends now. */
const ended = (bars: ReadonlyArray<Bar>, at: number): ReadonlyArray<Bar> => {
  const last = bars[bars.length - 1]
  return last === undefined || last.to <= at ? bars : [...bars.slice(0, -1), { ...last, to: at }]
}

const nameOf = (event: AuthEvent): string => {
  switch (event._tag) {
    case "TokenObtained":
      return `tokens by ${event.provenance}`
    default:
      return names[event._tag]
  }
}

const names: Record<Exclude<AuthEvent["_tag"], "TokenObtained">, string> = {
  TokenRejected: "tokens rejected",
  ExchangeFailed: "failed exchanges",
  ExchangeRetried: "repeated exchanges",
  ServedStale: "renewals in the background",
  StoreFailed: "failures of the store",
  RequestReplayed: "requests sent again",
  LoggedOut: "logouts",
  CertificateInstalled: "certificates presented",
  CertificateNotReplaced: "certificates that cannot be used",
  CertificateExpiring: "certificates that expire soon",
  ApproachingLimit: "quotas running low",
  WaitingUntil: "waits for a quota",
  MalformedHeaders: "unreadable quotas"
}

// not spread into Math.min: an argument list has an end
const minimum = (numbers: ReadonlyArray<number>, otherwise: number): number =>
  numbers.length === 0 ? otherwise : numbers.reduce((a, b) => Math.min(a, b))

const maximum = (numbers: ReadonlyArray<number>, otherwise: number): number =>
  numbers.length === 0 ? otherwise : numbers.reduce((a, b) => Math.max(a, b))
