import { declareTests } from "./hostile/run.ts"

declareTests({ count: 200 })
