/** All rules, in the order in which they are asked. */
import { effect } from "./effect.mjs"
import { http } from "./http.mjs"
import { modules } from "./modules.mjs"
import { result } from "./result.mjs"
import { schema } from "./schema.mjs"
import { streaming } from "./streams.mjs"
import { tests } from "./tests.mjs"

/** @type {ReadonlyArray<import("../rewrite.mjs").Rule>} */
export const rules = [...modules, ...effect, ...result, ...schema, ...http, ...streaming, ...tests]
