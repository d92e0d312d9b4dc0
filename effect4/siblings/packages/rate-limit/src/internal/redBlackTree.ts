/**
 * Only for Effect 4, which has no RedBlackTree any more: a persistent map in the order of its keys, with the members that
 * this library uses. A treap, balanced by a hash of each entry's number.
 */
import * as Option from "effect/Option"
import type * as Order from "effect/Order"

export interface RedBlackTree<K, V> extends Iterable<readonly [K, V]> {
  readonly order: Order.Order<K>
  readonly size: number
  readonly root: Node<K, V> | undefined
}

interface Node<K, V> {
  readonly key: K
  readonly value: V
  readonly weight: number
  readonly left: Node<K, V> | undefined
  readonly right: Node<K, V> | undefined
}

const make = <K, V>(order: Order.Order<K>, size: number, root: Node<K, V> | undefined): RedBlackTree<K, V> => ({
  order,
  size,
  root,
  [Symbol.iterator]: () => entries(root)
})

export const empty = <K, V>(order: Order.Order<K>): RedBlackTree<K, V> => make(order, 0, undefined)

export const size = <K, V>(self: RedBlackTree<K, V>): number => self.size

/** An entry with a key that is there already goes behind it. */
export const insert = <K, V>(key: K, value: V) => (self: RedBlackTree<K, V>): RedBlackTree<K, V> => {
  const [before, after] = split(self.root, (other) => self.order(other, key) <= 0)
  const node = {
    key,
    value,
    weight: Math.imul(self.size + 1, 0x9e3779b1) ^ seed(key),
    left: undefined,
    right: undefined
  }
  return make(self.order, self.size + 1, merged(merged(before, node), after))
}

/** Removes the first entry with the key. */
export const removeFirst = <K>(key: K) => <V>(self: RedBlackTree<K, V>): RedBlackTree<K, V> => {
  const [before, rest] = split(self.root, (other) => self.order(other, key) < 0)
  const head = leftmost(rest)
  return head === undefined || self.order(head.key, key) !== 0
    ? self
    : make(self.order, self.size - 1, merged(before, withoutLeftmost(rest)))
}

export const first = <K, V>(self: RedBlackTree<K, V>): Option.Option<readonly [K, V]> =>
  Option.map(Option.fromUndefinedOr(leftmost(self.root)), ({ key, value }) => [key, value] as const)

type Tree<K, V> = Node<K, V> | undefined

const seed = (key: unknown): number => typeof key === "number" ? Math.imul(Math.floor(key) + 1, 0x85ebca6b) : 0

const split = <K, V>(tree: Tree<K, V>, isBefore: (key: K) => boolean): readonly [Tree<K, V>, Tree<K, V>] => {
  if (tree === undefined) return [undefined, undefined]
  if (isBefore(tree.key)) {
    const [before, after] = split(tree.right, isBefore)
    return [{ ...tree, right: before }, after]
  }
  const [before, after] = split(tree.left, isBefore)
  return [before, { ...tree, left: after }]
}

const merged = <K, V>(left: Tree<K, V>, right: Tree<K, V>): Tree<K, V> =>
  left === undefined
    ? right
    : right === undefined
    ? left
    : left.weight > right.weight
    ? { ...left, right: merged(left.right, right) }
    : { ...right, left: merged(left, right.left) }

const leftmost = <K, V>(tree: Tree<K, V>): Tree<K, V> => tree?.left === undefined ? tree : leftmost(tree.left)

const withoutLeftmost = <K, V>(tree: Tree<K, V>): Tree<K, V> =>
  tree?.left === undefined ? tree?.right : { ...tree, left: withoutLeftmost(tree.left) }

function* entries<K, V>(tree: Tree<K, V>): IterableIterator<readonly [K, V]> {
  if (tree === undefined) return
  yield* entries(tree.left)
  yield [tree.key, tree.value]
  yield* entries(tree.right)
}
