/** A Redacted string whose failures never show the input; `Schema.Redacted(Schema.String)` quotes it. */
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"

export const RedactedText = Schema.transform(
  Schema.String.annotations({ message: () => ({ message: "must be a string", override: true }) }),
  Schema.RedactedFromSelf(Schema.String).annotations({
    message: () => ({ message: "must be a Redacted string", override: true })
  }),
  { strict: true, decode: (text) => Redacted.make(text), encode: Redacted.value }
)
