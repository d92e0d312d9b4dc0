import { assert, describe, it } from "@effect/vitest"
import * as PrivateAddress from "../../../src/internal/mcp/privateAddress.ts"

/** As `URL` writes it. */
const hostOf = (host: string) => new URL(`https://${host}/`).hostname

describe("privateAddress", () => {
  it.each([
    "localhost",
    "LOCALHOST",
    "localhost.",
    "mcp.localhost",
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "2130706433",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "0.0.0.0",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.255",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "224.0.0.1",
    "255.255.255.255",
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[fc00::1]",
    "[fd12:3456::1]",
    "[fe80::1]",
    "[febf::1]",
    "[fec0::1]",
    "[ff02::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:10.0.0.1]",
    "[::127.0.0.1]",
    "[64:ff9b::192.168.0.1]"
  ])("MCP32 %s is of the machine or its network", (host) => {
    assert.isTrue(PrivateAddress.isPrivate(hostOf(host)))
  })

  it.each([
    "as.acme.example",
    "localhost.acme.example",
    "notlocalhost",
    "10.acme.example",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "169.253.0.1",
    "172.15.255.255",
    "172.32.0.1",
    "192.167.0.1",
    "192.169.0.1",
    "198.17.0.1",
    "198.20.0.1",
    "223.255.255.255",
    "[2606:4700::1111]",
    "[::ffff:8.8.8.8]",
    "[64:ff9b::8.8.8.8]"
  ])("MCP32 %s is of the Internet", (host) => {
    assert.isFalse(PrivateAddress.isPrivate(hostOf(host)))
  })

  it.each<[from: string, to: string, behind: boolean]>([
    ["https://mcp.acme.example/mcp", "https://10.0.0.1/token", true],
    ["https://mcp.acme.example/mcp", "http://localhost:8080/token", true],
    ["https://mcp.acme.example/mcp", "https://as.acme.example/token", false],
    ["http://localhost:3000/mcp", "http://127.0.0.1:8080/token", false],
    ["https://10.0.0.2/mcp", "https://10.0.0.1/token", false],
    ["http://localhost:3000/mcp", "https://as.acme.example/token", false]
  ])("MCP32 from %s to %s: behind %s", (from, to, behind) => {
    assert.strictEqual(PrivateAddress.isBehind(from, to), behind)
  })
})
