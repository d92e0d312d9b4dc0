import { addEqualityTesters } from "@effect/vitest"
import * as Option from "effect/Option"
import { chai } from "vitest"

addEqualityTesters()

// chai compares two iterables by what they iterate over, by which every None equals every Some
chai.config.deepEqual = (expected: unknown, actual: unknown): boolean =>
  chai.util.eql(expected, actual, {
    comparator: (left: unknown, right: unknown): boolean | null =>
      Option.isOption(left) && Option.isOption(right) && left._tag !== right._tag ? false : null
  })
