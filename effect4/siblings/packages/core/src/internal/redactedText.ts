/**
 * By hand for Effect 4, where an annotation replaces the message of a type.
 *
 * A Redacted string whose failures never show the input; `Schema.RedactedFromValue(Schema.String)` quotes it.
 */
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"

export const RedactedText = Schema.String.annotate({ message: "must be a string" }).pipe(
  Schema.decodeTo(Schema.Redacted(Schema.String).annotate({ message: "must be a Redacted string" }), {
    decode: SchemaGetter.transform((text: string) => Redacted.make(text)),
    encode: SchemaGetter.transform((secret: Redacted.Redacted) => Redacted.value(secret))
  })
)
