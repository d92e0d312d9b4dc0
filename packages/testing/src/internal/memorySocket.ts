/** The two ends of a WebSocket in memory, each as the Web's, as far as the platform's `Socket` goes. */

/** Holds back what it receives until it is told to let it through. */
export class MemorySocket extends EventTarget {
  readyState = open
  #deliver: (make: () => Event) => void = () => {}
  #held: Array<() => void> | undefined = []

  static pair(): readonly [MemorySocket, MemorySocket] {
    const one = new MemorySocket()
    const other = new MemorySocket()
    one.#deliver = (make) => other.#receive(make)
    other.#deliver = (make) => one.#receive(make)
    return [one, other]
  }

  send(data: string | Uint8Array): void {
    if (this.readyState !== open) return
    const sent = typeof data === "string" ? data : data.slice()
    this.#deliver(() => new MessageEvent("message", { data: sent }))
  }

  /** The other end gets what was sent before, and the same code. */
  close(code = 1005, reason = ""): void {
    if (this.readyState !== open) return
    this.#end(code, reason)
    this.#deliver(() => closeEvent(code, reason))
  }

  /** Lets what was held back through, and everything later as it comes. */
  resume(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const deliver of held) queueMicrotask(deliver)
  }

  #receive(make: () => Event): void {
    const deliver = () => {
      if (this.readyState !== open) return
      const event = make()
      if (event.type === "close") this.readyState = closed
      this.dispatchEvent(event)
    }
    // not within the call that sends, as on a network
    if (this.#held === undefined) queueMicrotask(deliver)
    else this.#held.push(deliver)
  }

  #end(code: number, reason: string): void {
    this.readyState = closed
    queueMicrotask(() => this.dispatchEvent(closeEvent(code, reason)))
  }
}

/** As a `WebSocket`, which has more than anyone here uses. */
export const asWebSocket = (socket: MemorySocket): globalThis.WebSocket =>
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions -- has what the platform's Socket uses
  socket as EventTarget as globalThis.WebSocket

const open = 1

const closed = 3

/** Not every platform has the class. */
const closeEvent = (code: number, reason: string): Event =>
  Object.assign(new Event("close"), { code, reason, wasClean: code !== 1006 })
