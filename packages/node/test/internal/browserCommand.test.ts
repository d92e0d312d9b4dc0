import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as BrowserCommand from "../../src/internal/browserCommand.ts"

describe("LB6 The program that starts a browser", () => {
  for (
    const [platform, command] of [
      ["darwin", ["open"]],
      ["linux", ["xdg-open"]],
      ["freebsd", ["xdg-open"]],
      ["win32", ["D:\\Windows\\System32\\rundll32.exe", "url.dll,FileProtocolHandler"]]
    ] as const
  ) {
    it(`is ${command[0]} on ${platform}`, () => {
      assert.deepStrictEqual<ReadonlyArray<string>>(BrowserCommand.ofPlatform(platform, "D:\\Windows"), command)
    })
  }
})

describe("AC12 The URL that is opened", () => {
  for (
    const [url, href] of [
      ["https://as.example/authorize?a=1&state=canary", "https://as.example/authorize?a=1&state=canary"],
      ["http://127.0.0.1:8080/login", "http://127.0.0.1:8080/login"],
      ["  HTTPS://AS.example\n", "https://as.example/"],
      [
        "https://as.example/a b?c=\"d e\"&f='g'#\"h i\"",
        "https://as.example/a%20b?c=%22d%20e%22&f=%27g%27#%22h%20i%22"
      ],
      ["https://as.example/$(touch x)`y`;&|", "https://as.example/$(touch%20x)%60y%60;&|"],
      ["https:as.example", "https://as.example/"]
    ] as const
  ) {
    it(`${JSON.stringify(url)} is opened as ${href}`, () => {
      assert.deepStrictEqual(BrowserCommand.target(url), Either.right(href))
      assert.notMatch(href, /["\s]|^-/)
    })
  }

  for (
    const url of [
      "file:///etc/passwd",
      "javascript:alert(1)",
      "data:text/html,x",
      "ftp://as.example",
      "vscode://x",
      "mailto:me@as.example",
      "C:\\Windows\\System32\\calc.exe",
      "--version",
      "-a https://as.example",
      "/etc/passwd",
      "as.example",
      "https://",
      "https://as.example:99999",
      "\\\\as.example\\share",
      ""
    ]
  ) {
    it(`${JSON.stringify(url)} is not`, () => {
      const problem = BrowserCommand.target(url)
      assert.isTrue(Either.isLeft(problem))
      if (url !== "") assert.notInclude(Either.merge(problem), url)
    })
  }
})
