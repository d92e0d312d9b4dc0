import { declareTests } from "../test/fixedWindowRaces.ts"

declareTests(10)
