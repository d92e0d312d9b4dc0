/**
 * What is subscribed, and what becomes of it as messages come and connections come and go. Pure: each transition gives the
 * next state and what is to be done.
 *
 * What the server cannot parse, such as an option that it does not know, ends the whole connection without a word of which
 * message it was. If one message was unanswered then, it is that one. If there were several, each of them is under
 * suspicion: on the next connection they are sent last and one at a time, so that the others go on and the next end has one
 * culprit.
 */
import * as HashMap from "effect/HashMap"
import * as HashSet from "effect/HashSet"
import * as Option from "effect/Option"
import type { YamcsError } from "../../YamcsError.ts"
import { Element, UnreadableOptions } from "./element.ts"
import * as Message from "./message.ts"
import * as Numbers from "./numbers.ts"

/**
 * - `Waiting`: to be sent when there is a connection, or when it is its turn
 * - `Sent`: without a reply yet; `updates` follow when that has come
 * - `Active`: data comes
 */
type Phase =
  | { readonly _tag: "Waiting" }
  | { readonly _tag: "Sent"; readonly updates: ReadonlyArray<Message.Request> }
  | { readonly _tag: "Active"; readonly call: number; readonly numbers: Numbers.Numbers }

interface Subscription {
  readonly request: Message.Request
  readonly phase: Phase
  readonly wasActive: boolean
  readonly isSuspect: boolean
}

export interface Calls {
  readonly nextId: number
  readonly isConnected: boolean
  readonly subscriptions: HashMap.HashMap<number, Subscription>
  /** Of all subscriptions, what {@link flush} asks for after each step: to look through them would make many at once quadratic. */
  readonly known: Known
  /** Ids by the number that the server gave. */
  readonly ids: HashMap.HashMap<number, number>
  /** Sent, and no longer wanted: to be cancelled when the reply says by which number. */
  readonly abandoned: HashSet.HashSet<number>
  /** For each answer to `state` that is due, the subscriptions whose updates it confirms. */
  readonly confirmations: ReadonlyArray<ReadonlyArray<number>>
}

interface Known {
  /** Ids of those that wait and are not suspects. */
  readonly waiting: HashSet.HashSet<number>
  /** Ids of those without a reply. */
  readonly sent: HashSet.HashSet<number>
  /** Ids of suspects, whether they wait or are sent. */
  readonly suspects: HashSet.HashSet<number>
}

export type Output =
  | { readonly _tag: "Send"; readonly text: string }
  | { readonly _tag: "Emit"; readonly id: number; readonly element: Element }
  | { readonly _tag: "End"; readonly id: number; readonly error: YamcsError | UnreadableOptions }

export type Step = readonly [Calls, ReadonlyArray<Output>]

export const empty: Calls = {
  nextId: 1,
  isConnected: false,
  subscriptions: HashMap.empty(),
  known: { waiting: HashSet.empty(), sent: HashSet.empty(), suspects: HashSet.empty() },
  ids: HashMap.empty(),
  abandoned: HashSet.empty(),
  confirmations: []
}

/** Its id is the `nextId` of before. */
export const add = (request: Message.Request) => (calls: Calls): Step =>
  flush(set({ ...calls, nextId: calls.nextId + 1 }, calls.nextId, {
    request,
    phase: waiting,
    wasActive: false,
    isSuspect: HashSet.size(calls.known.suspects) > 0
  }))

export const remove = (id: number) => (calls: Calls): Step =>
  Option.match(HashMap.get(calls.subscriptions, id), {
    onNone: () => [calls, []],
    onSome: ({ phase }) => {
      const without = {
        ...calls,
        subscriptions: HashMap.remove(calls.subscriptions, id),
        known: knownAs(calls.known, id, undefined)
      }
      switch (phase._tag) {
        case "Waiting":
          return flush(without)
        case "Sent":
          return [{ ...without, abandoned: HashSet.add(without.abandoned, id) }, []]
        case "Active":
          return then([{ ...without, ids: HashMap.remove(without.ids, phase.call) }, [
            send(Message.cancel(phase.call))
          ]])
      }
    }
  })

/** Sends one more message for a subscription, which from now on is as `options` say. */
export const update =
  (id: number, change: Pick<Message.Request, "options">, options: Message.Request["options"]) => (calls: Calls): Step =>
    Option.match(HashMap.get(calls.subscriptions, id), {
      onNone: () => [calls, []],
      onSome: (subscription) => {
        const { phase } = subscription
        const request = { ...subscription.request, options }
        const message = { ...subscription.request, ...change }
        const changed = (phase: Phase) => set(calls, id, { ...subscription, request, phase })
        switch (phase._tag) {
          case "Waiting":
            return [changed(phase), []]
          case "Sent":
            return [changed({ ...phase, updates: [...phase.updates, message] }), []]
          case "Active":
            return updates(changed(phase), id, phase.call, [message])
        }
      }
    })

export const opened = (calls: Calls): Step => flush({ ...calls, isConnected: true })

/** Asks for a sign of life. */
export const probe = (calls: Calls): Step => [
  { ...calls, confirmations: [...calls.confirmations, []] },
  [send(Message.state)]
]

export const received = (message: Message.Received) => (calls: Calls): Step => {
  switch (message._tag) {
    case "Reply":
      return replied(message, calls)
    case "Data":
      return Option.match(HashMap.get(calls.ids, message.call), {
        onNone: () => [calls, []],
        onSome: (id) => delivered(calls, id, message.seq, message.data)
      })
    case "State":
      return flush({ ...calls, confirmations: calls.confirmations.slice(1) })
    case "Other":
      return [calls, []]
  }
}

/** Ends a while, after which numbers that are still missing are lost. */
export const settled = (calls: Calls): Step => {
  const outputs: Array<Output> = []
  const subscriptions = HashMap.map(calls.subscriptions, (subscription, id) => {
    const { phase } = subscription
    if (phase._tag !== "Active" || Numbers.missing(phase.numbers) === 0) return subscription
    const [count, numbers] = Numbers.settled(phase.numbers)
    if (count > 0) outputs.push({ _tag: "Emit", id, element: Element.Lost({ reason: "Dropped", count }) })
    return { ...subscription, phase: { ...phase, numbers } }
  })
  return [{ ...calls, subscriptions }, outputs]
}

/** Whether a number of this call is missing that may still come. */
export const isUnsettledAt = ({ ids, subscriptions }: Calls, call: number): boolean =>
  Option.exists(
    Option.flatMap(HashMap.get(ids, call), (id) => HashMap.get(subscriptions, id)),
    ({ phase }) => phase._tag === "Active" && Numbers.missing(phase.numbers) > 0
  )

/** Whether a number of any call is. */
export const isUnsettled = ({ subscriptions }: Calls): boolean =>
  HashMap.some(subscriptions, ({ phase }) => phase._tag === "Active" && Numbers.missing(phase.numbers) > 0)

/** `isUnreadable`: the server closed it over something that it could not parse. */
export const closed = (problem: string, isUnreadable: boolean) => (calls: Calls): Step => {
  const unanswered = unansweredOf(calls)
  const [culprit] = isUnreadable && HashSet.size(unanswered) === 1 ? unanswered : []
  const lost = Element.Lost({ reason: "Disconnected", problem })
  const outputs = Array.from(HashMap.entries(calls.subscriptions)).flatMap(([id, { phase, request }]): Array<Output> =>
    id === culprit
      ? [{ _tag: "End", id, error: new UnreadableOptions({ topic: request.topic }) }]
      : phase._tag === "Active"
      ? [...droppedOf(phase.numbers), lost].map((element) => ({ _tag: "Emit", id, element }))
      : []
  )
  const left = culprit === undefined ? calls.subscriptions : HashMap.remove(calls.subscriptions, culprit)
  return [
    HashMap.reduce(left, { ...empty, nextId: calls.nextId }, (calls, subscription, id) =>
      set(calls, id, {
        ...subscription,
        phase: waiting,
        isSuspect: subscription.isSuspect || (isUnreadable && HashSet.has(unanswered, id))
      })),
    outputs
  ]
}

/** What is missing when nothing more can come. */
const droppedOf = (numbers: Numbers.Numbers): ReadonlyArray<Element> => {
  const count = Numbers.missing(numbers)
  return count === 0 ? [] : [Element.Lost({ reason: "Dropped", count })]
}

const waiting: Phase = { _tag: "Waiting" }

const send = (text: string): Output => ({ _tag: "Send", text })

const set = (calls: Calls, id: number, subscription: Subscription): Calls => ({
  ...calls,
  subscriptions: HashMap.set(calls.subscriptions, id, subscription),
  known: knownAs(calls.known, id, subscription)
})

const knownAs = (known: Known, id: number, subscription: Subscription | undefined): Known => {
  const { isSuspect = false, phase } = subscription ?? {}
  return {
    waiting: kept(known.waiting, id, phase?._tag === "Waiting" && !isSuspect),
    sent: kept(known.sent, id, phase?._tag === "Sent"),
    suspects: kept(known.suspects, id, isSuspect)
  }
}

const kept = (ids: HashSet.HashSet<number>, id: number, isIn: boolean): HashSet.HashSet<number> =>
  HashSet.has(ids, id) === isIn ? ids : isIn ? HashSet.add(ids, id) : HashSet.remove(ids, id)

/** Ids of what was sent and may not have been read. */
const unansweredOf = ({ abandoned, confirmations, known }: Calls): HashSet.HashSet<number> =>
  HashSet.fromIterable([...known.sent, ...abandoned, ...confirmations.flat()])

const isAnswered = ({ abandoned, confirmations, known }: Calls): boolean =>
  HashSet.size(known.sent) === 0 && HashSet.size(abandoned) === 0 && confirmations.every(({ length }) => length === 0)

/** Sends what may be sent now: everything but suspects, and of these one when nothing else is unanswered. */
const flush = (calls: Calls): Step => {
  if (!calls.isConnected) return [calls, []]
  const { suspects, waiting } = calls.known
  const next = HashSet.size(waiting) > 0
    ? Array.from(waiting).sort((one, other) => one - other)
    : HashSet.size(suspects) > 0 && isAnswered(calls)
    // none of them is sent then
    ? [HashSet.reduce(suspects, Infinity, (one, other) => Math.min(one, other))]
    : []
  const due = next.flatMap((id) =>
    Option.toArray(Option.map(HashMap.get(calls.subscriptions, id), (subscription) => [id, subscription] as const))
  )
  return [
    due.reduce(
      (calls, [id, subscription]) => set(calls, id, { ...subscription, phase: { _tag: "Sent", updates: [] } }),
      calls
    ),
    due.map(([id, { request }]) => send(Message.subscribe(id, request)))
  ]
}

/** The step, and what may be sent after it. */
const then = ([calls, outputs]: Step): Step => {
  const [next, more] = flush(calls)
  return [next, [...outputs, ...more]]
}

const updates = (calls: Calls, id: number, call: number, messages: ReadonlyArray<Message.Request>): Step =>
  messages.length === 0 ? [calls, []] : [
    { ...calls, confirmations: [...calls.confirmations, [id]] },
    // a success has no reply, so the answer to `state` is the sign that they could be read
    [...messages.map((message) => send(Message.update(id, call, message))), send(Message.state)]
  ]

const replied = ({ call, id, refusal }: Message.Received & { readonly _tag: "Reply" }, calls: Calls): Step => {
  if (HashSet.has(calls.abandoned, id)) {
    const known = { ...calls, abandoned: HashSet.remove(calls.abandoned, id) }
    return then([known, Option.isSome(refusal) ? [] : [send(Message.cancel(call))]])
  }
  return Option.match(HashMap.get(calls.subscriptions, id), {
    onNone: () => [calls, []],
    onSome: (subscription): Step => {
      if (Option.isSome(refusal)) {
        const [without, outputs] = remove(id)(set(calls, id, answered(subscription)))
        return [without, [{ _tag: "End", id, error: refusal.value }, ...outputs]]
      }
      const { phase, wasActive } = subscription
      if (phase._tag !== "Sent") return [calls, []]
      const active = set({ ...calls, ids: HashMap.set(calls.ids, call, id) }, id, {
        ...subscription,
        phase: { _tag: "Active", call, numbers: Numbers.none },
        wasActive: true,
        isSuspect: false
      })
      const [next, outputs] = updates(active, id, call, phase.updates)
      return then([
        next,
        [...(wasActive ? [{ _tag: "Emit", id, element: Element.Reconnected() } as const] : []), ...outputs]
      ])
    }
  })
}

/** A refused subscription has no call to cancel, and is unanswered no longer. */
const answered = (subscription: Subscription): Subscription =>
  subscription.phase._tag === "Sent" ? { ...subscription, phase: waiting } : subscription

const delivered = (calls: Calls, id: number, seq: number, data: unknown): Step =>
  Option.match(HashMap.get(calls.subscriptions, id), {
    onNone: () => [calls, []],
    onSome: (subscription) => {
      const { phase } = subscription
      if (phase._tag !== "Active") return [calls, []]
      const numbers = Numbers.arrived(phase.numbers, seq)
      return [
        // nothing that is known by the phase has changed
        {
          ...calls,
          subscriptions: HashMap.set(calls.subscriptions, id, { ...subscription, phase: { ...phase, numbers } })
        },
        [{ _tag: "Emit", id, element: Element.Data({ seq, data }) }]
      ]
    }
  })
