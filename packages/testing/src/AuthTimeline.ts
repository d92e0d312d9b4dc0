/**
 * A picture of what happened: the life of each token and the use of each quota, drawn from the recorded events. For a
 * failing test, a report, a page of documentation.
 *
 * @since 0.1.0
 */
import * as AuthEvent from "@effect-auth/core/AuthEvent"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type { Bar, Lane, Mark, MarkKind, Timed } from "./internal/timelineLanes.ts"
import * as Lanes from "./internal/timelineLanes.ts"

export {
  /**
   * An event and its time.
   *
   * @since 0.1.0
   * @category models
   */
  type Timed
}

/**
 * The events since it was made, with the times of the Clock.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  readonly events: Effect.Effect<ReadonlyArray<Timed>>
}

/**
 * @since 0.1.0
 * @category tags
 */
export class AuthTimeline extends Context.Tag("@effect-auth/testing/AuthTimeline")<AuthTimeline, Service>() {}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** What the picture is about. Default: `Authentication`. */
  readonly title?: string | undefined
}

/**
 * Records the events of the hub until the Scope ends: those of the whole process, unless `AuthEvent.layer` gives the
 * program a hub of its own.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<Service, never, Scope.Scope> = Effect.gen(function*() {
  const queue = yield* AuthEvent.subscribe
  const recorded: Array<Timed> = []
  yield* Queue.take(queue).pipe(
    Effect.flatMap((event) => Effect.map(Clock.currentTimeMillis, (at) => recorded.push({ at, event }))),
    Effect.forever,
    Effect.forkScoped
  )
  // what has been published is recorded in the turns that this leaves
  const settled = Effect.repeat(Effect.zipRight(Effect.yieldNow(), Queue.isEmpty(queue)), { until: (empty) => empty })
  return { events: Effect.zipRight(settled, Effect.map(Effect.yieldNow(), () => [...recorded])) }
})

/**
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<AuthTimeline> = Layer.scoped(AuthTimeline, make)

/**
 * The events as an SVG picture, whatever their order: a bar for each token as long as it was good and for each wait, the
 * use of each quota where the events state it, a mark for everything else, with the event's sentence as its tooltip. It
 * needs no font, no script and no other file, can be read on light and dark backgrounds, and says the same in its
 * description. The same events give the same picture.
 *
 * @example
 * ```ts
 * import * as AuthEvent from "@effect-auth/core/AuthEvent"
 * import * as AuthTimeline from "@effect-auth/testing/AuthTimeline"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * declare const program: Effect.Effect<void>
 *
 * const picture = Effect.gen(function*() {
 *   const timeline = yield* AuthTimeline.AuthTimeline
 *   yield* program
 *   return AuthTimeline.svg(yield* timeline.events, { title: "A night of the importer" })
 * }).pipe(Effect.provide(Layer.provideMerge(AuthTimeline.layer, AuthEvent.layer)))
 * ```
 *
 * @since 0.1.0
 * @category rendering
 */
export const svg = (events: ReadonlyArray<Timed>, options?: Options): string => {
  const ordered = Lanes.inOrder(events)
  const lanes = Lanes.make(ordered)
  const range = Lanes.range(lanes)
  const scale: Scale = (at) => left + Math.max(0, Math.min(1, (at - range.from) / (range.to - range.from))) * inner
  const kinds = Object.entries(marks).filter(([kind]) =>
    lanes.some(({ marks }) => marks.some((mark) => mark.kind === kind))
  )
  const bottom = top + lanes.length * laneHeight
  const height = bottom + 28 + (kinds.length === 0 ? 0 : 24)
  const title = options?.title ?? "Authentication"
  const description = lanes.length === 0 ? "No events." : `${Lanes.summary(ordered)}.`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<title>${escape(title)}</title>`,
    `<desc>${escape(description)}</desc>`,
    `<style>${style}</style>`,
    text(left, 22, title, "heading"),
    ...lanes.length === 0 ? [text(left, top, "no events")] : [
      ...axis(range, scale, bottom),
      ...lanes.flatMap((lane, index) => drawLane(lane, top + index * laneHeight, scale)),
      ...legend(kinds, height - 12)
    ],
    "</svg>",
    ""
  ].join("\n")
}

type Scale = (at: number) => number

const width = 860
const left = 16
const inner = width - 2 * left
const top = 40
const laneHeight = 62
const barHeight = 20

/** The colours have a contrast of 3:1 at least with both backgrounds, the text of 4.5:1. */
const style = [
  "svg{font:12px system-ui,sans-serif;--ink:#1f2328;--faint:#59636e;--line:#d1d9e0;--token:#0969da;--wait:#9a6700;",
  "--bad:#cf222e;--use:#8250df}",
  "@media(prefers-color-scheme:dark){svg{--ink:#f0f6fc;--faint:#9198a1;--line:#3d444d;--token:#4493f8;--wait:#d29922;",
  "--bad:#f85149;--use:#ab7df8}}",
  "text{fill:var(--ink)}.faint{fill:var(--faint)}.heading{font-size:15px;font-weight:600}.line{stroke:var(--line)}",
  ".token{fill:var(--token);fill-opacity:.25;stroke:var(--token)}.wait{fill:var(--wait);fill-opacity:.25;stroke:var(--wait)}",
  ".open{stroke-dasharray:4 3}.use{fill:var(--use);fill-opacity:.3}",
  ".mark{fill:var(--faint)}.rejected,.failed{fill:var(--bad)}.stale,.replayed{fill:var(--token)}.retried,.low{fill:var(--wait)}"
].join("")

/** What each mark is called, and its path around the origin. */
const marks: Record<MarkKind, { readonly label: string; readonly path: string }> = {
  rejected: { label: "token rejected", path: "M-5-3-3-5 0-2 3-5 5-3 2 0 5 3 3 5 0 2-3 5-5 3-2 0z" },
  failed: { label: "failed", path: "M0-6 6 5H-6z" },
  retried: { label: "tried again", path: "M0 6-5-4H5z" },
  stale: { label: "renewal begins", path: "M0-6 6 0 0 6-6 0z" },
  replayed: { label: "request sent again", path: "M-5-5 5 0-5 5z" },
  low: { label: "quota low", path: "M-6-2H6V2H-6z" },
  ended: { label: "logged out", path: "M-4-4H4V4H-4z" },
  other: { label: "other", path: "M0-4A4 4 0 0 1 0 4 4 4 0 0 1 0-4z" }
}

const drawLane = (lane: Lane, y: number, scale: Scale): ReadonlyArray<string> => {
  const floor = y + 20 + barHeight
  return [
    text(left, y + 12, `${laneNames[lane.kind]} ${short(lane.name, 100)}`, "faint"),
    `<path class="line" d="M${left} ${floor}H${width - left}"/>`,
    ...use(lane, floor, scale),
    ...lane.bars.map((bar) => drawBar(bar, floor - barHeight, scale)),
    ...together(lane.marks, scale).map(({ kind, texts, x }) =>
      `<g>${tooltip(texts)}<path class="mark ${kind}" transform="translate(${x} ${floor + 9})" d="${
        marks[kind].path
      }"/></g>`
    )
  ]
}

const laneNames: Record<Lane["kind"], string> = { token: "token", quota: "quota", certificate: "client certificate" }

const drawBar = ({ from, kind, label, text: sentence, to }: Bar, y: number, scale: Scale): string => {
  const x = scale(from)
  const length = Math.max(1, scale(to) - x)
  const open = to === Infinity ? " open" : ""
  const named = length > 8 * label.length ? text(x + 5, y + 14, label) : ""
  return `<g>${tooltip([sentence])}<rect class="${kind}${open}" x="${round(x)}" y="${y}" width="${
    round(length)
  }" height="${barHeight}" rx="3"/>${named}</g>`
}

/** The use of a quota, as steps that fill the lane. */
const use = ({ levels }: Lane, floor: number, scale: Scale): ReadonlyArray<string> => {
  const steps = [...levels].sort((a, b) => a.at - b.at)
  return steps.flatMap(({ at, used }, index) => {
    const x = scale(at)
    const next = steps[index + 1]
    const length = (next === undefined ? width - left : scale(next.at)) - x
    const height = used * barHeight
    return used === 0 || length <= 0
      ? []
      : [
        `<rect class="use" x="${round(x)}" y="${round(floor - height)}" width="${round(length)}" height="${
          round(height)
        }"/>`
      ]
  })
}

interface Group {
  readonly kind: MarkKind
  readonly x: number
  readonly texts: ReadonlyArray<string>
}

/** Marks of one kind that would cover each other are one mark; those of several kinds stand side by side. */
const together = (marks: ReadonlyArray<Mark>, scale: Scale): ReadonlyArray<Group> => {
  const places = new Map<number, Map<MarkKind, Array<string>>>()
  for (const { at, kind, text } of marks) {
    const x = left + Math.round((scale(at) - left) / 4) * 4
    const place = places.get(x) ?? new Map<MarkKind, Array<string>>()
    const texts = place.get(kind)
    if (texts === undefined) place.set(kind, [text])
    else texts.push(text)
    places.set(x, place)
  }
  return Array.from(places).flatMap(([x, place]) =>
    Array.from(place, ([kind, texts], index): Group => ({ kind, texts, x: x + 11 * index }))
  )
}

const tooltip = (sentences: ReadonlyArray<string>): string => {
  const shown = sentences.slice(0, 5).map((sentence) => short(sentence, 300))
  const more = sentences.length > shown.length ? [`and ${sentences.length - shown.length} more`] : []
  return `<title>${escape([...shown, ...more].join("\n"))}</title>`
}

const axis = (
  { from, to }: { readonly from: number; readonly to: number },
  scale: Scale,
  bottom: number
): ReadonlyArray<string> => {
  const step = steps.find((step) => (to - from) / step <= 8) ?? (to - from) / 8
  return Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, index) => {
    const x = round(scale(from + index * step))
    const label = index === 0 ? "0" : Duration.format(Duration.millis(index * step))
    return `<path class="line" d="M${x} ${top}V${bottom}"/>${text(x + 3, bottom + 12, label, "faint")}`
  })
}

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

/** In milliseconds. */
const steps: ReadonlyArray<number> = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].flatMap((n) => n * second),
  ...[1, 2, 5, 10, 15, 30].flatMap((n) => n * minute),
  ...[1, 2, 3, 6, 12].flatMap((n) => n * hour),
  ...[1, 2, 7, 30, 90, 365].flatMap((n) => n * day)
]

const legend = (
  kinds: ReadonlyArray<readonly [string, { readonly label: string; readonly path: string }]>,
  y: number
): ReadonlyArray<string> =>
  kinds.map(([kind, { label, path }], index) => {
    // letters of 12 pixels are less than 7 wide on average
    const x = kinds.slice(0, index).reduce((x, [, { label }]) => x + 28 + 7 * label.length, left)
    return `<path class="mark ${kind}" transform="translate(${x + 6} ${y - 4})" d="${path}"/>${
      text(x + 16, y, label, "faint")
    }`
  })

const text = (x: number, y: number, content: string, kind?: string): string =>
  `<text x="${round(x)}" y="${y}"${kind === undefined ? "" : ` class="${kind}"`}>${escape(content)}</text>`

const round = (n: number): number => Math.round(n * 10) / 10

/** Counted in code points: a surrogate pair is not cut. */
const short = (content: string, length: number): string => {
  const points = Array.from(content)
  return points.length <= length ? content : `${points.slice(0, length - 1).join("")}…`
}

/** Text that may stand between tags: the characters of XML 1.0 section 2.2, those of its markup escaped. */
const escape = (content: string): string =>
  content
    .replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, "\uFFFD")
    .replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
