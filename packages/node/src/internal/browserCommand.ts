/** What starts a browser, and with which URL: decided before anything is started. */
import * as Either from "effect/Either"

/** A program and what stands before the URL. */
export type Command = readonly [program: string, ...parameters: ReadonlyArray<string>]

/**
 * The program that every desktop of a platform has. On Windows by its path: a name would be looked for in the current
 * directory first.
 */
export const ofPlatform = (platform: string, systemRoot: string): Command =>
  platform === "darwin"
    ? ["open"]
    : platform === "win32"
    ? [`${systemRoot}\\System32\\rundll32.exe`, "url.dll,FileProtocolHandler"]
    : ["xdg-open"]

/**
 * The URL as it is handed to a program, or why it is not. These programs open files and any scheme's handler, and take
 * what begins with a hyphen for an option: only what is `http` or `https` once it is parsed gets to them, normalised, so
 * that there is no quote and no white space in it.
 */
export const target = (url: string): Either.Either<string, string> => {
  if (!URL.canParse(url)) return Either.left("what is to be opened is not a URL")
  const { href, protocol } = new URL(url)
  return protocol === "https:" || protocol === "http:"
    ? Either.right(href)
    : Either.left("only http and https URLs are opened")
}
