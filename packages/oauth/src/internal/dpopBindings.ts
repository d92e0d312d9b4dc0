/** What binds the tokens of a source to a key at its authorization server (RFC 9449 section 5). */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as MutableRef from "effect/MutableRef"
import * as Redacted from "effect/Redacted"
import type { Algorithm, SigningKey } from "../SigningKey.ts"
import type { Binding, Bindings } from "./binding.ts"
import type { Nonces, ProofKey } from "./dpop.ts"
import * as Dpop from "./dpop.ts"

export const givenKey = (key: SigningKey, publicKey: Readonly<Record<string, unknown>>): ProofKey =>
  Dpop.proofKey(key, publicKey, undefined)

export const given = (mode: string, key: ProofKey): Bindings => {
  const nonces = Dpop.noNonces()
  return {
    current: (server) =>
      Dpop.accepts(server, key.key.algorithm)
        ? Effect.succeed(bindingOf(mode, key, nonces))
        : Dpop.unaccepted(mode, `the algorithm of the key that was given, ${key.key.algorithm}`),
    restore: (kept) => restored(mode, kept, nonces)
  }
}

/** Generated once, when it is first needed; anew for a server that accepts no proofs of that algorithm. */
export const generated = (mode: string): Bindings => {
  const nonces = Dpop.noNonces()
  const generated = MutableRef.make<{ readonly algorithm: Algorithm; readonly binding: Binding } | undefined>(undefined)
  return {
    current: (server) =>
      Effect.suspend(() => {
        const known = MutableRef.get(generated)
        if (known !== undefined && Dpop.accepts(server, known.algorithm)) return Effect.succeed(known.binding)
        return Effect.map(Dpop.generate(server, mode), (key) => {
          const binding = bindingOf(mode, key, nonces)
          MutableRef.set(generated, { algorithm: key.key.algorithm, binding })
          return binding
        })
      }),
    restore: (kept) => restored(mode, kept, nonces)
  }
}

const restored = (mode: string, kept: Redacted.Redacted, nonces: Nonces) =>
  Effect.map(Dpop.restore(kept, mode), (key) => bindingOf(mode, key, nonces))

const bindingOf = (mode: string, key: ProofKey, nonces: Nonces): Binding => ({
  kept: key.kept,
  thumbprint: Dpop.thumbprint(key),
  ask: (http, ask) =>
    Effect.suspend(() => {
      const sent = MutableRef.make<{ readonly url: string; readonly nonce: string | undefined } | undefined>(undefined)
      const asking = ask(noting(http, nonces), (request) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          const { method, url } = request
          const nonce = Dpop.nonceFor(nonces, url)
          MutableRef.set(sent, { url, nonce })
          return Effect.map(
            Dpop.prove(key, { method, url, nonce, tokenHash: undefined }, now, mode),
            (proof) => HttpClientRequest.setHeader(request, "dpop", Redacted.value(proof))
          )
        }))
      return Effect.catchAll(asking, (error) => {
        const before = MutableRef.get(sent)
        const isNews = before !== undefined && before.nonce !== Dpop.nonceFor(nonces, before.url)
        return isNews && "code" in error && error.code === Dpop.wantsNonce ? asking : Effect.fail(error)
      })
    })
})

/** Remembers the nonces of answers. */
const noting = (http: HttpClient.HttpClient, nonces: Nonces): HttpClient.HttpClient =>
  HttpClient.transformResponse(
    http,
    Effect.tap(({ headers, request }) => Effect.sync(() => Dpop.note(nonces, request.url, headers)))
  )
