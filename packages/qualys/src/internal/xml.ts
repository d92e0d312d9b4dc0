/**
 * The two envelopes in which the API host answers: `SIMPLE_RETURN` (always XML) and `ServiceResponse` (XML or JSON). Only
 * these are parsed, so a report of a hundred megabytes is not. Entities are not expanded and a DTD is not fetched; a body
 * that cannot be parsed is not an envelope.
 */
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { XMLParser } from "fast-xml-parser"

export interface Envelope {
  readonly kind: "SIMPLE_RETURN" | "ServiceResponse"
  /** `CODE` of a SIMPLE_RETURN (absent in a success), or the `responseCode` of a ServiceResponse. */
  readonly code: string | undefined
  readonly text: string | undefined
  /** `ITEM_LIST` by `KEY`, such as `SECONDS_TO_WAIT`. */
  readonly items: Readonly<Record<string, string>>
}

/** Reads the envelope of a body; `None` for every other document. */
export const parse = (body: string): Option.Option<Envelope> => {
  const beginning = body.slice(0, beginningLength)
  if (body.length > longestEnvelope) return Option.none()
  if (/^\s*\{\s*"ServiceResponse"/.test(beginning)) {
    return Either.getRight(parseJson(body)).pipe(Option.flatMap(envelope))
  }
  return /<(?:SIMPLE_RETURN|ServiceResponse)[\s>]/.test(beginning)
    ? Option.flatMap(parseXml(body), envelope)
    : Option.none()
}

/** The declaration and the DOCTYPE come first; the root element begins before this. */
const beginningLength = 1024

/** In bytes. An envelope that reports an error is short; a longer one carries data. */
export const longestEnvelope = 16_384

const parser = new XMLParser({ processEntities: false, parseTagValue: false, ignoreAttributes: true })

const parseXml: (body: string) => Option.Option<unknown> = Option.liftThrowable((body) => parser.parse(body, true))

const parseJson = Schema.decodeEither(Schema.parseJson())

const Item = Schema.Struct({ KEY: Schema.String, VALUE: Schema.String })

const SimpleReturn = Schema.Struct({
  SIMPLE_RETURN: Schema.Struct({
    RESPONSE: Schema.Struct({
      CODE: Schema.optional(Schema.String),
      TEXT: Schema.optional(Schema.String),
      ITEM_LIST: Schema.optional(Schema.Struct({ ITEM: Schema.Union(Item, Schema.Array(Item)) }))
    })
  })
})

const ServiceResponse = Schema.Struct({
  ServiceResponse: Schema.Struct({
    responseCode: Schema.String,
    responseErrorDetails: Schema.optional(Schema.Struct({ errorMessage: Schema.optional(Schema.String) }))
  })
})

const decode = Schema.decodeUnknownOption(Schema.Union(SimpleReturn, ServiceResponse))

const envelope = (document: unknown): Option.Option<Envelope> =>
  Option.map(decode(document), (document): Envelope => {
    if (Predicate.hasProperty(document, "ServiceResponse")) {
      const { responseCode, responseErrorDetails } = document.ServiceResponse
      return { kind: "ServiceResponse", code: responseCode, text: responseErrorDetails?.errorMessage, items: {} }
    }
    const { CODE, ITEM_LIST, TEXT } = document.SIMPLE_RETURN.RESPONSE
    const items = ITEM_LIST === undefined ? [] : "KEY" in ITEM_LIST.ITEM ? [ITEM_LIST.ITEM] : ITEM_LIST.ITEM
    return {
      kind: "SIMPLE_RETURN",
      code: CODE,
      text: TEXT,
      items: Object.fromEntries(items.map(({ KEY, VALUE }) => [KEY, VALUE]))
    }
  })
