/** What the commands are told by their environment. */
export const origin = process.env["BENCH_ORIGIN"] ?? ""
export const directory = process.env["BENCH_DIRECTORY"] ?? ""
export const session = `${directory}/session.json`

export interface Session {
  readonly access_token: string
  readonly refresh_token: string
  readonly expires_at: number
}
