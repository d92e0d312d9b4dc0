import effect from "@effect/eslint-plugin"
import comments from "@eslint-community/eslint-plugin-eslint-comments"
import js from "@eslint/js"
import sortDestructureKeys from "eslint-plugin-sort-destructure-keys"
import tseslint from "typescript-eslint"

const pushSpread = {
  selector: "CallExpression[callee.property.name='push'] > SpreadElement.arguments",
  message: "Do not use spread arguments in Array.push"
}
const timers = ["setTimeout", "setInterval", "setImmediate"].map((name) => ({ name, message: "Use Effect.sleep." }))
const librarySyntax = [
  pushSpread,
  { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: "Use Clock or DateTime." },
  { selector: "ThrowStatement", message: "Fail with a typed error." }
]

// The modules that a program starts from. Internal modules are below them and never import them, not even a type: what
// both need lives in the lower one.
const facades = {
  "rate-limit": ["RateLimiter", "SharedRateLimiter"],
  core: ["AuthenticatedHttpClient", "Authenticator", "System", "TokenSource"],
  node: [
    "ClientCertificate",
    "FileTokenStore",
    "KeychainTokenStore",
    "LoopbackReceiver",
    "SystemBrowser",
    "TerminalLogin",
    "TerminalPrompt"
  ],
  "ibm-mq": ["IbmMq"],
  qualys: ["Qualys"],
  yamcs: ["Yamcs"],
  oauth: ["OAuth"],
  signing: ["Digest", "Hmac", "MessageSignature", "SigV4", "WorkloadToken"],
  redis: ["RedisRateLimiter", "RedisTokenStore"]
}
const facadeImports = (name) => {
  const modules = facades[name].join("|")
  return {
    regex: `^((\\.\\./)+(index|${modules})\\.ts|@effect-auth/${name}(/(${modules}))?)$`,
    message: "An internal module imports no facade. Move what both need to a lower module."
  }
}

// How a Schedule is stepped changes with Effect 4: one file does it.
const scheduleStepping = {
  modules: ["ScheduleDecision", "ScheduleInterval", "ScheduleIntervals"].map((name) => ({
    name: `effect/${name}`,
    message: "Schedules are stepped in internal/schedule.ts."
  })),
  syntax: {
    selector:
      "MemberExpression[object.name='Schedule'][property.name='makeWithState'], ImportSpecifier[imported.name='makeWithState']",
    message: "Schedules are stepped in internal/schedule.ts."
  }
}

export default tseslint.config(
  { ignores: ["**/dist", "**/coverage", "**/.cache"] },
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  js.configs.recommended,
  ...tseslint.configs.recommended,
  ...effect.configs.dprint,
  {
    plugins: { "@eslint-community/eslint-comments": comments, "sort-destructure-keys": sortDestructureKeys },
    rules: {
      "@effect/dprint": ["error", {
        config: {
          indentWidth: 2,
          lineWidth: 120,
          semiColons: "asi",
          quoteStyle: "alwaysDouble",
          trailingCommas: "never",
          operatorPosition: "maintain",
          "arrowFunction.useParentheses": "force"
        }
      }],
      "@eslint-community/eslint-comments/require-description": "error",
      "@typescript-eslint/array-type": ["error", { default: "generic", readonly: "generic" }],
      "@typescript-eslint/ban-ts-comment": "off",
      "@typescript-eslint/consistent-type-imports": ["error", { disallowTypeAnnotations: false }],
      "@typescript-eslint/no-empty-object-type": "off",
      "@typescript-eslint/no-explicit-any": "off",
      "@typescript-eslint/no-namespace": "off",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "no-restricted-syntax": ["error", pushSpread],
      "no-undef": "off", // TypeScript's job
      "object-shorthand": "error",
      "require-yield": "off",
      "sort-destructure-keys/sort-destructure-keys": "error"
    }
  },
  {
    // Library sources. Each exception carries a disable comment with its reason.
    files: ["packages/*/src/**/*.ts"],
    ignores: ["packages/bench/**"],
    rules: {
      "@effect/no-import-from-barrel-package": ["error", {
        packageNames: ["effect", "@effect/platform", "@effect/platform-node"]
      }],
      "@typescript-eslint/ban-ts-comment": "error",
      "@typescript-eslint/consistent-type-assertions": ["error", { assertionStyle: "never" }],
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-non-null-assertion": "error",
      "no-console": "error",
      "no-restricted-globals": ["error", ...timers],
      "@typescript-eslint/no-restricted-imports": ["error", { paths: scheduleStepping.modules }],
      "no-restricted-properties": [
        "error",
        ...timers.map(({ message, name }) => ({ object: "globalThis", property: name, message })),
        { object: "Date", property: "now", message: "Use Clock or DateTime." },
        { object: "Math", property: "random", message: "Use Random." },
        { object: "process", property: "env", message: "Use Config." }
      ],
      "no-restricted-syntax": ["error", ...librarySyntax, scheduleStepping.syntax]
    }
  },
  {
    // All but the node package run on any platform.
    files: ["packages/*/src/**/*.ts"],
    ignores: ["packages/{bench,node}/**"],
    rules: {
      "no-restricted-globals": ["error", ...timers, "Buffer", "process", "global"],
      "no-restricted-imports": ["error", {
        patterns: [{ group: ["node:*", "@effect/platform-node", "@effect/platform-node/*", "@effect-auth/node"] }]
      }]
    }
  },
  ...Object.keys(facades).map((name) => ({
    files: [`packages/${name}/src/internal/**/*.ts`],
    rules: {
      "@typescript-eslint/no-restricted-imports": ["error", {
        paths: scheduleStepping.modules,
        patterns: [facadeImports(name)]
      }]
    }
  })),
  ...Object.keys(facades).map((name) => ({
    files: [`packages/${name}/src/internal/schedule.ts`],
    rules: {
      "@typescript-eslint/no-restricted-imports": ["error", { patterns: [facadeImports(name)] }],
      "no-restricted-syntax": ["error", ...librarySyntax]
    }
  }))
)
