/**
 * Which numbers of a sequence are missing. The server counts the messages of a call before it sends them, and several of its
 * threads send at once, so a number may come after a higher one: it is missing only if it has not come after a while. Pure.
 */

/** Numbers from `first` to `last`, both missing. */
interface Gap {
  readonly first: number
  readonly last: number
  /** Whether it was missing when the last while ended. */
  readonly isOld: boolean
}

export interface Numbers {
  readonly highest: number
  readonly gaps: ReadonlyArray<Gap>
}

/** The first number is 1. */
export const none: Numbers = { highest: 0, gaps: [] }

export const arrived = ({ gaps, highest }: Numbers, number: number): Numbers =>
  number > highest
    ? {
      highest: number,
      gaps: number === highest + 1 ? gaps : [...gaps, { first: highest + 1, last: number - 1, isOld: false }]
    }
    : {
      highest,
      gaps: gaps.length === 0 ? gaps : gaps.flatMap((gap) =>
        number < gap.first || number > gap.last
          ? [gap]
          : [{ ...gap, last: number - 1 }, { ...gap, first: number + 1 }].filter(({ first, last }) => first <= last)
      )
    }

/** Ends a while: how many numbers have been missing for all of it, which are given up, and what is left. */
export const settled = ({ gaps, highest }: Numbers): readonly [lost: number, left: Numbers] => [
  sizeOf(gaps.filter(({ isOld }) => isOld)),
  { highest, gaps: gaps.filter(({ isOld }) => !isOld).map((gap) => ({ ...gap, isOld: true })) }
]

export const missing = ({ gaps }: Numbers): number => sizeOf(gaps)

const sizeOf = (gaps: ReadonlyArray<Gap>): number => gaps.reduce((sum, { first, last }) => sum + last - first + 1, 0)
