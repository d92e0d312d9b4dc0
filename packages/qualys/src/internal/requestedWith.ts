/** The header without which the API refuses every request, logins included; its value names the caller. */
export const headers = { "x-requested-with": "effect-auth" } as const
