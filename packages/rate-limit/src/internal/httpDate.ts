/** The dates of HTTP, which `DateTime` does not read. */

/** In epoch milliseconds (RFC 9110 section 5.6.7, the obsolete forms included); asctime names no zone and means UTC. */
export const httpDate = (text: string): number | undefined => {
  if (!/^[A-Z][a-z]{2,8},? .*\d\d:\d\d:\d\d/.test(text)) return undefined
  const millis = Date.parse(text.endsWith("GMT") ? text : `${text} GMT`)
  return Number.isNaN(millis) ? undefined : millis
}
