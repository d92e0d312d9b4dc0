import { declareTests } from "../integration/hostile/run.ts"

declareTests({ count: 500 })
