/** What binds the tokens of a source to a key at its authorization server (RFC 9449 section 5). */
import { CredentialsRejected } from "@effect-auth/core/AuthError"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as MutableRef from "effect/MutableRef"
import * as Redacted from "effect/Redacted"
import type { Algorithm, SigningKey } from "../SigningKey.ts"
import type { Binding, Bindings } from "./binding.ts"
import type { ProofKey } from "./dpop.ts"
import * as Dpop from "./dpop.ts"
import * as Servers from "./dpopServers.ts"

export const givenKey = (key: SigningKey, publicKey: Readonly<Record<string, unknown>>): ProofKey =>
  Dpop.proofKey(key, publicKey, undefined)

export const given = (mode: string, key: ProofKey): Bindings => {
  const servers = Servers.make()
  return {
    current: (server) =>
      Dpop.accepts(server, key.key.algorithm)
        ? Effect.succeed(bindingOf(mode, key, servers))
        : Dpop.unaccepted(mode, `the algorithm of the key that was given, ${key.key.algorithm}`),
    restore: (kept) => restored(mode, kept, servers)
  }
}

/** Generated once, when it is first needed; anew for a server that accepts no proofs of that algorithm. */
export const generated = (mode: string): Bindings => {
  const servers = Servers.make()
  const generated = MutableRef.make<{ readonly algorithm: Algorithm; readonly binding: Binding } | undefined>(undefined)
  return {
    current: (server) =>
      Effect.suspend(() => {
        const known = MutableRef.get(generated)
        if (known !== undefined && Dpop.accepts(server, known.algorithm)) return Effect.succeed(known.binding)
        return Effect.map(Dpop.generate(server, mode), (key) => {
          const binding = bindingOf(mode, key, servers)
          MutableRef.set(generated, { algorithm: key.key.algorithm, binding })
          return binding
        })
      }),
    restore: (kept) => restored(mode, kept, servers)
  }
}

const restored = (mode: string, kept: Redacted.Redacted, servers: Servers.Servers) =>
  Effect.map(Dpop.restore(kept, mode), (key) => bindingOf(mode, key, servers))

const bindingOf = (mode: string, key: ProofKey, servers: Servers.Servers): Binding => ({
  kept: key.kept,
  thumbprint: Dpop.thumbprint(key),
  ask: (http, ask) =>
    Effect.suspend(() => {
      const sent = MutableRef.make<Sent | undefined>(undefined)
      const asking = ask(noting(http, servers, sent), (request) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          const { method, url } = request
          const server = Servers.of(servers, url)
          MutableRef.set(sent, { url, server, isLate: false })
          return Effect.map(
            Dpop.prove(key, { method, url, server, tokenHash: undefined }, now, mode),
            (proof) => HttpClientRequest.setHeader(request, "dpop", Redacted.value(proof))
          )
        }))
      return Effect.catchAll(asking, (error) => {
        const before = MutableRef.get(sent)
        const code = "code" in error ? error.code : undefined
        const isWorthIt = before !== undefined && (
          (code === Dpop.wantsNonce && before.server.nonce !== Servers.of(servers, before.url).nonce) ||
          (code === Dpop.refusesProof && before.isLate)
        )
        return isWorthIt ? asking : Effect.fail(error)
      }).pipe(Effect.catchTag("CredentialsRejected", (error) => {
        if (error.code !== Dpop.wantsNonce) return error
        const url = MutableRef.get(sent)?.url
        const isKnown = url !== undefined && Servers.of(servers, url).nonce !== undefined
        // the credentials are not what is wrong
        return new CredentialsRejected({ ...error, reason: "Setting", advice: isKnown ? error.advice : Dpop.noNonce })
      }))
    })
})

/** The last proof: where it went, what was known there, and whether the answer says that its time was wrong. */
interface Sent {
  readonly url: string
  readonly server: Servers.Server
  readonly isLate: boolean
}

/** Remembers what answers say. */
const noting = (
  http: HttpClient.HttpClient,
  servers: Servers.Servers,
  sent: MutableRef.MutableRef<Sent | undefined>
): HttpClient.HttpClient =>
  HttpClient.transformResponse(
    http,
    Effect.tap(({ headers, request: { url }, status }) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        Servers.noteNonce(servers, url, headers)
        const proof = MutableRef.get(sent)
        if (proof === undefined || (status !== 400 && status !== 401)) return
        const isLate = Servers.noteClock(servers, url, headers, { ahead: proof.server.ahead, now })
        MutableRef.set(sent, { ...proof, isLate })
      })
    )
  )
