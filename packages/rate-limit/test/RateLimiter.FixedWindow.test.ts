import { declareTests } from "./fixedWindowRaces.ts"

declareTests(2)
