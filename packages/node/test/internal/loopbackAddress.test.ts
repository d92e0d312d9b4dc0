import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as LoopbackAddress from "../../src/internal/loopbackAddress.ts"

/** A machine on which some addresses cannot be listened on, and what is listened on at the moment. */
const machine = (refusals: Readonly<Record<string, string | ReadonlyArray<string>>>) => {
  const open: Array<string> = []
  const tried: Record<string, number> = {}
  let port = 49_999
  const listen: LoopbackAddress.Listen = (address, wanted) =>
    Effect.suspend(() => {
      const times = tried[address] = (tried[address] ?? 0) + 1
      const refusal = refusals[address]
      const code = typeof refusal === "string" ? refusal : refusal?.[times - 1]
      if (code !== undefined) return new LoopbackAddress.ListenFailed({ code })
      const at = wanted === 0 ? ++port : wanted
      const name = `${address} ${at}`
      open.push(name)
      return Effect.succeed({ port: at, close: Effect.sync(() => void open.splice(open.indexOf(name), 1)) })
    })
  return { listen, open }
}

const outcome = (
  refusals: Readonly<Record<string, string | ReadonlyArray<string>>>,
  host: LoopbackAddress.Host | undefined,
  port: number
) =>
  Effect.gen(function*() {
    const { listen, open } = machine(refusals)
    const bound = yield* Effect.either(LoopbackAddress.bind(listen, host, port))
    if (bound._tag === "Left") return { failed: bound.left.code, open: [...open] }
    const result = { host: bound.right.host, port: bound.right.port, open: [...open] }
    yield* bound.right.close
    assert.deepStrictEqual(open, [])
    return result
  })

const cases: ReadonlyArray<{
  readonly name: string
  readonly refusals?: Readonly<Record<string, string | ReadonlyArray<string>>>
  readonly host?: LoopbackAddress.Host
  readonly port?: number
  readonly expected: object
}> = [
  {
    name: "without a host it is 127.0.0.1 alone",
    expected: { host: "127.0.0.1", port: 50_000, open: ["127.0.0.1 50000"] }
  },
  ...["EADDRNOTAVAIL", "EAFNOSUPPORT"].map((code) => ({
    name: `without a host it is [::1] where 127.0.0.1 is not there (${code})`,
    refusals: { "127.0.0.1": code },
    port: 8976,
    expected: { host: "[::1]", port: 8976, open: ["::1 8976"] }
  })),
  {
    name: "a port that is in use at 127.0.0.1 is not taken at [::1], where the registered address does not lead",
    refusals: { "127.0.0.1": "EADDRINUSE" },
    port: 8976,
    expected: { failed: "EADDRINUSE", open: [] }
  },
  {
    name: "127.0.0.1 by option is never [::1]",
    refusals: { "127.0.0.1": "EADDRNOTAVAIL" },
    host: "127.0.0.1",
    expected: { failed: "EADDRNOTAVAIL", open: [] }
  },
  { name: "[::1] by option", host: "[::1]", expected: { host: "[::1]", port: 50_000, open: ["::1 50000"] } },
  {
    name: "localhost is both families on one port",
    host: "localhost",
    expected: { host: "localhost", port: 50_000, open: ["127.0.0.1 50000", "::1 50000"] }
  },
  {
    name: "localhost is 127.0.0.1 where there is no [::1]",
    refusals: { "::1": "EADDRNOTAVAIL" },
    host: "localhost",
    expected: { host: "localhost", port: 50_000, open: ["127.0.0.1 50000"] }
  },
  {
    name: "localhost is [::1] where there is no 127.0.0.1",
    refusals: { "127.0.0.1": "EAFNOSUPPORT" },
    host: "localhost",
    expected: { host: "localhost", port: 50_000, open: ["::1 50000"] }
  },
  {
    name: "localhost takes another port when the other family's is in use",
    refusals: { "::1": ["EADDRINUSE", "EADDRINUSE"] },
    host: "localhost",
    expected: { host: "localhost", port: 50_002, open: ["127.0.0.1 50002", "::1 50002"] }
  },
  {
    name: "localhost with a port of its own fails when one family's is in use, and lets go of the other's",
    refusals: { "::1": ["EADDRINUSE"] },
    host: "localhost",
    port: 8976,
    expected: { failed: "EADDRINUSE", open: [] }
  },
  {
    name: "localhost gives up when every port is in use",
    refusals: { "::1": "EADDRINUSE" },
    host: "localhost",
    expected: { failed: "EADDRINUSE", open: [] }
  },
  {
    name: "localhost on a machine without loopback fails",
    refusals: { "127.0.0.1": "EADDRNOTAVAIL", "::1": "EADDRNOTAVAIL" },
    host: "localhost",
    expected: { failed: "EADDRNOTAVAIL", open: [] }
  },
  {
    name: "localhost fails with what the system does not allow",
    refusals: { "::1": "EACCES" },
    host: "localhost",
    port: 80,
    expected: { failed: "EACCES", open: [] }
  }
]

describe("LB1 The addresses of loopback", () => {
  for (const { expected, host, name, port = 0, refusals = {} } of cases) {
    it.effect(
      name,
      () => Effect.map(outcome(refusals, host, port), (actual) => assert.deepStrictEqual<object>(actual, expected))
    )
  }
})

describe("LB5 Why nothing listens", () => {
  for (
    const [code, reason, problem] of [
      ["EADDRINUSE", "PortInUse", "the port is in use"],
      ["EACCES", "Unavailable", "the system does not allow this port (EACCES)"],
      ["EADDRNOTAVAIL", "Unavailable", "this machine has no such address (EADDRNOTAVAIL)"],
      ["EAFNOSUPPORT", "Unavailable", "this machine has no such address (EAFNOSUPPORT)"],
      ["EMFILE", "Unavailable", "EMFILE"]
    ] as const
  ) {
    it(`${code} is ${reason}: ${problem}`, () => {
      assert.deepStrictEqual<object>(LoopbackAddress.explain(new LoopbackAddress.ListenFailed({ code })), {
        reason,
        problem
      })
    })
  }
})
