import { assert, describe, it } from "@effect/vitest"
import * as Equal from "effect/Equal"
import * as fc from "effect/FastCheck"
import * as HashMap from "effect/HashMap"
import * as HashSet from "effect/HashSet"
import * as Option from "effect/Option"
import * as Calls from "../src/internal/socket/calls.ts"
import type * as Message from "../src/internal/socket/message.ts"
import { YamcsError } from "../src/YamcsError.ts"

const request = (topic: string): Message.Request => ({ topic, options: {}, lowPriority: false })

const reply = (id: number, call: number): Message.Received => ({ _tag: "Reply", id, call, refusal: Option.none() })

const refusal = (id: number): Message.Received => ({
  _tag: "Reply",
  id,
  call: 0,
  refusal: Option.some(new YamcsError({ status: 404, msg: "" }))
})

const data = (call: number, seq: number): Message.Received => ({ _tag: "Data", call, seq, data: `data ${seq}` })

/** What is done, in words. */
const said = (output: Calls.Output): string => {
  switch (output._tag) {
    case "Send": {
      const { call, id, options, type } = JSON.parse(output.text) as Record<string, unknown>
      return type === "cancel"
        ? `cancel ${String((options as Record<string, unknown>)["call"])}`
        : type === "state"
        ? "state"
        : call === undefined
        ? `subscribe ${String(id)}`
        : `update ${String(id)} at ${String(call)}`
    }
    case "Emit":
      return `${output.id}: ${output.element._tag}${
        output.element._tag === "Lost" ? ` ${output.element.reason} ${output.element.count ?? ""}`.trimEnd() : ""
      }`
    case "End":
      return `${output.id}: ${output.error._tag}`
  }
}

type Transition = (calls: Calls.Calls) => Calls.Step

/** What each of the transitions does, one after the other. */
const play = (...transitions: ReadonlyArray<Transition>): ReadonlyArray<ReadonlyArray<string>> => {
  let calls = Calls.empty
  return transitions.map((transition) => {
    const [next, outputs] = transition(calls)
    calls = next
    return outputs.map(said)
  })
}

const { add, closed, opened, received, remove } = Calls

const lost = closed("lost", false)

const bye = closed("Bye", true)

const time = add(request("time"))

describe("calls", () => {
  it("are sent when there is a connection, in the order in which they were made", () => {
    assert.deepStrictEqual(play(time, time, opened, time), [[], [], ["subscribe 1", "subscribe 2"], ["subscribe 3"]])
  })

  it("are taken up on the next connection, whether they had an answer or not, and only a loss that is one is told", () => {
    assert.deepStrictEqual(
      play(opened, time, time, received(reply(1, 7)), lost, opened, received(reply(1, 3)), received(reply(2, 4))),
      [
        [],
        ["subscribe 1"],
        ["subscribe 2"],
        [],
        ["1: Lost Disconnected"],
        ["subscribe 1", "subscribe 2"],
        ["1: Reconnected"],
        []
      ]
    )
  })

  it("tell a loss once, however often the connection is lost before they are back", () => {
    assert.deepStrictEqual(
      play(opened, time, received(reply(1, 7)), lost, opened, lost, opened, received(reply(1, 3))).slice(3),
      [["1: Lost Disconnected"], ["subscribe 1"], [], ["subscribe 1"], ["1: Reconnected"]]
    )
  })

  it("get the data of their number", () => {
    assert.deepStrictEqual(
      play(opened, time, received(reply(1, 7)), received(data(7, 1)), received(data(8, 1)), received({ _tag: "Other" }))
        .slice(3),
      [["1: Data"], [], []]
    )
  })

  it("tell what is missing after a while, but not what was only overtaken", () => {
    const [get, settled] = [(seq: number) => received(data(7, seq)), Calls.settled]
    assert.deepStrictEqual(
      play(opened, time, received(reply(1, 7)), get(1), get(4), get(3), settled, get(5), settled, settled).slice(5),
      [["1: Data"], [], ["1: Data"], ["1: Lost Dropped 1"], []]
    )
    // nothing more can come
    assert.deepStrictEqual(
      play(opened, time, received(reply(1, 7)), get(4), lost).at(-1),
      ["1: Lost Dropped 3", "1: Lost Disconnected"]
    )
  })

  it("have no data of an earlier connection", () => {
    assert.deepStrictEqual(play(opened, time, received(reply(1, 7)), lost, opened, received(data(7, 2))).at(-1), [])
  })

  it("are cancelled by their number, as soon as it is known", () => {
    assert.deepStrictEqual(
      play(
        opened,
        time,
        received(reply(1, 7)),
        remove(1),
        time,
        remove(2),
        received(reply(2, 8)),
        received(data(8, 1))
      ),
      [[], ["subscribe 1"], [], ["cancel 7"], ["subscribe 2"], [], ["cancel 8"], []]
    )
  })

  it("are not cancelled when they were refused, or never sent", () => {
    assert.deepStrictEqual(
      play(time, remove(1), opened, time, remove(2), received(refusal(2)), time, received(refusal(3)), remove(3)),
      [[], [], [], ["subscribe 2"], [], [], ["subscribe 3"], ["3: YamcsError"], []]
    )
  })

  describe("that cannot be read", () => {
    it("are known at once if nothing else was unanswered", () => {
      assert.deepStrictEqual(
        play(opened, time, received(reply(1, 7)), time, bye, opened),
        [[], ["subscribe 1"], [], ["subscribe 2"], ["1: Lost Disconnected", "2: UnreadableOptions"], ["subscribe 1"]]
      )
    })

    it("are known after they were sent alone if there were several", () => {
      assert.deepStrictEqual(
        play(
          opened,
          time,
          received(reply(1, 7)),
          time,
          time,
          bye,
          opened,
          time,
          received(reply(1, 1)),
          received(reply(2, 2)),
          bye,
          opened,
          received(reply(1, 1)),
          received(reply(2, 2))
        ).slice(5),
        [
          ["1: Lost Disconnected"],
          ["subscribe 1"],
          [],
          ["1: Reconnected", "subscribe 2"],
          ["subscribe 3"],
          ["1: Lost Disconnected", "2: Lost Disconnected", "3: UnreadableOptions"],
          ["subscribe 1", "subscribe 2"],
          ["1: Reconnected"],
          ["2: Reconnected", "subscribe 4"]
        ]
      )
    })

    it("are nobody else's fault if their reader has left", () => {
      assert.deepStrictEqual(
        play(opened, time, received(reply(1, 7)), time, remove(2), bye, opened).slice(5),
        [["1: Lost Disconnected"], ["subscribe 1"]]
      )
    })

    it("are no one's if everything was answered", () => {
      assert.deepStrictEqual(play(opened, time, received(reply(1, 7)), bye, opened).slice(3), [
        ["1: Lost Disconnected"],
        ["subscribe 1"]
      ])
    })
  })

  describe("that change", () => {
    const update = Calls.update(1, { options: { action: "ADD" } }, { all: true })

    it("are told so when they are there, and the next answer to `state` confirms it", () => {
      const state = received({ _tag: "State" })
      assert.deepStrictEqual(
        play(opened, time, update, received(reply(1, 7)), state, bye).slice(2),
        [[], ["update 1 at 7", "state"], [], ["1: Lost Disconnected"]]
      )
      assert.deepStrictEqual(
        play(opened, time, received(reply(1, 7)), update, bye, opened).slice(3),
        [["update 1 at 7", "state"], ["1: UnreadableOptions"], []]
      )
    })

    it("come back as they are", () => {
      let calls = Calls.empty
      const texts: Array<string> = []
      for (const transition of [opened, time, received(reply(1, 7)), update, lost, opened]) {
        const [next, outputs] = transition(calls)
        calls = next
        for (const output of outputs) if (output._tag === "Send") texts.push(output.text)
      }
      assert.deepStrictEqual(JSON.parse(texts.at(-1) ?? ""), { type: "time", id: 1, options: { all: true } })
    })

    it("end when the server refuses it, and are cancelled", () => {
      assert.deepStrictEqual(
        play(opened, time, received(reply(1, 7)), update, received(refusal(1))).at(-1),
        ["1: YamcsError", "cancel 7"]
      )
    })
  })

  it("are looked through by no step that is about one of them, so that many at once take time in proportion", () => {
    const many = 100
    const step = (calls: Calls.Calls, transition: Transition) => transition(calls)[0]
    const sent = Array.from({ length: many }).reduce(
      (calls: Calls.Calls) => step(calls, time),
      step(Calls.empty, opened)
    )
    const active = Array.from({ length: many - 1 }).reduce(
      (calls: Calls.Calls, _, index) => step(calls, received(reply(index + 1, index + 1))),
      sent
    )
    for (const calls of [sent, active]) {
      for (const transition of [time, received(reply(many, many)), remove(many), received({ _tag: "State" })]) {
        let reads = 0
        const subscriptions = HashMap.map(
          calls.subscriptions,
          (subscription, id) =>
            id === many ? subscription : new Proxy(subscription, {
              get: (target, name) => {
                reads++
                return Reflect.get(target, name)
              }
            })
        )
        step({ ...calls, subscriptions }, transition)
        assert.strictEqual(reads, 0)
      }
    }
  })

  it("whatever happens: losses and returns alternate, and no data comes between", () => {
    type Action = (calls: Calls.Calls, server: { call: number; pending: Array<number> }) => Calls.Step
    const action: fc.Arbitrary<Action> = fc.oneof(
      fc.constant<Action>((calls) => time(calls)),
      fc.nat(6).map((id): Action => (calls) => remove(id)(calls)),
      fc.nat(6).map((id): Action => (calls) => Calls.update(id, { options: {} }, {})(calls)),
      fc.constant<Action>((calls) => calls.isConnected ? [calls, []] : opened(calls)),
      fc.boolean().map((isBye): Action => (calls) => calls.isConnected ? closed("", isBye)(calls) : [calls, []]),
      // the server answers what it was sent
      fc.boolean().map((isRefused): Action => (calls, server) => {
        const id = server.pending.shift()
        return id === undefined
          ? [calls, []]
          : received(isRefused ? refusal(id) : reply(id, server.call++))(calls)
      }),
      fc.tuple(fc.nat(40), fc.integer({ min: 1, max: 30 })).map(([call, seq]): Action => (calls) =>
        received(data(call, seq))(calls)
      ),
      fc.constant<Action>((calls) => received({ _tag: "State" })(calls)),
      fc.constant<Action>((calls) => Calls.settled(calls))
    )
    fc.assert(fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
      let calls = Calls.empty
      const server = { call: 1, pending: new Array<number>() }
      const isLost = new Map<number, boolean>()
      const ended = new Set<number>()
      for (const act of actions) {
        const wasConnected = calls.isConnected
        const [next, outputs] = act(calls, server)
        calls = next
        const idsOf = (
          is: Parameters<typeof HashMap.filter<number, HashMap.HashMap.Value<Calls.Calls["subscriptions"]>>>[1]
        ) => HashSet.fromIterable(HashMap.keys(HashMap.filter(calls.subscriptions, is)))
        assert.isTrue(
          Equal.equals(calls.known.waiting, idsOf(({ isSuspect, phase }) => phase._tag === "Waiting" && !isSuspect))
        )
        assert.isTrue(Equal.equals(calls.known.sent, idsOf(({ phase }) => phase._tag === "Sent")))
        assert.isTrue(Equal.equals(calls.known.suspects, idsOf(({ isSuspect }) => isSuspect)))
        if (wasConnected && !calls.isConnected) server.pending = []
        for (const output of outputs) {
          if (output._tag === "Send") {
            assert.isTrue(calls.isConnected)
            const { call, id, type } = JSON.parse(output.text) as { call?: number; id?: number; type: string }
            if (type === "time" && call === undefined) server.pending.push(id ?? 0)
            continue
          }
          assert.isFalse(ended.has(output.id))
          if (output._tag === "End") ended.add(output.id)
          else if (output.element._tag === "Reconnected") {
            assert.isTrue(isLost.get(output.id))
            isLost.set(output.id, false)
          } else {
            assert.isNotTrue(isLost.get(output.id))
            if (output.element._tag === "Lost" && output.element.reason === "Disconnected") isLost.set(output.id, true)
          }
        }
      }
    }))
  })
})
