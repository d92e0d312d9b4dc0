/**
 * The exchange of `@effect-auth/rate-limit` as a script of Redis: what processes that share the quotas of a key report, and
 * what each is told. It is `exchange.ts` word for word, each of its steps under the same name, and the integration tests
 * compare the two on random histories.
 *
 * The state is under KEYS[1], as MessagePack, which takes half the time of JSON. ARGV[1] is the report, as JSON; ARGV[2] the
 * channel on which those are named that are to report at once. The answer is the reply, as JSON.
 *
 * All times are those of Redis. A state that is missing was never there if Redis has run for longer than a lease.
 */
import type { Script } from "../RedisClient.ts"
import { adopted, expired, paused, settled } from "./quotaClaims.ts"
import { divided, fairShares } from "./quotaDivision.ts"
import { begun, functions } from "./quotaState.ts"
import { counted, judged, learned } from "./quotaStatements.ts"

/** `clock` sets `now`, in milliseconds, and `isSettled`, a function of the lease. */
export const scriptOf = (clock: string): Script => ({ name: "exchange", lua: `${clock}\n${body()}` })

/** One chunk: what one part declares, those after it use. */
const body = () =>
  [
    begun,
    functions,
    paused,
    adopted,
    rolled,
    learned,
    join,
    counted,
    settled,
    expired,
    judged,
    probed,
    fairShares,
    divided,
    told,
    reply
  ].join("\n\n")

/** A fixed window has ended. What each may use stays as it is, until it reports what it has used of the next. */
const rolled = `-- rolled
for _, quota in ipairs(state.quotas) do
  if quota.kind == 'fixed' and quota['end'] > 0 and quota['end'] <= now then beginAnew(quota) end
end`

/** The report takes the place of what was known of the process. `wasClaiming` is whether claims are awaited then. */
const join = `-- join
local isCounted = report.epoch == 0 or report.epoch == state.epoch
for _, quota in ipairs(state.quotas) do
  local held = heldOf(quota)
  if held and isCounted and quota.kind ~= 'slots' then
    local bucket = bucketOf(quota)
    for i = 1, #held.charges, 2 do
      local at = held.charges[i]
      if at > 0 and (quota.window > 0 or at > quota.begin) then
        add(quota.charges, math.floor(at / bucket), held.charges[i + 1])
      end
    end
    if quota.window == 0 then
      local keys = {}
      for key in pairs(quota.charges) do keys[#keys + 1] = tonumber(key) end
      table.sort(keys)
      local merged, into = 0, keys[#keys - 63]
      for i = 1, #keys - 64 do
        local key = string.format('%.0f', keys[i])
        merged = merged + quota.charges[key]
        quota.charges[key] = nil
      end
      if into then add(quota.charges, into, merged) end
    else
      local kept = quota.window + math.ceil(quota.window / 4) + math.ceil(lease / 2)
      keep(quota.charges, function(key) return (key + 1) * bucket + kept > now end)
    end
  end
end
if report.leaves == 1 then
  for _, quota in ipairs(state.quotas) do
    local held = heldOf(quota)
    if quota.kind ~= 'slots' then outWith(quota, now, held and held.used or 0) end
  end
  state.members[report.id] = nil
else
  local known = state.members[report.id]
  local claimed = 2
  if known then
    claimed = known[5]
    if claimed == 0 then claimed = 1 end
  elseif report.members > 0 and report.epoch > 0 and report.epoch ~= state.epoch then
    claimed = 1
  end
  local holds = {}
  for i, quota in ipairs(state.quotas) do
    local held = heldOf(quota)
    if held then
      holds[i] = {held.share, math.max(held.share, held.used), math.min(quota.limit, held.need)}
    else
      local hold = known and known[8][i]
      holds[i] = {hold and hold[1] or 0, 0, math.min(quota.limit, report.inFlight + report.waiting)}
    end
  end
  state.members[report.id] = {now + lease, now, isCounted and 1 or 0, 0, claimed, report.inFlight, report.waiting, holds}
end
wasClaiming = state.claim > now`

/** Before the server has answered, one process finds out for all. */
const probed = `-- probed
if state.open == 1 then
  state.prober = ''
  state.proberUntil = 0
elseif state.claim == 0 then
  local wants = report.leaves == 0 and report.waiting + report.inFlight > 0
  local isMine = state.prober == report.id
  if wants and (isMine or state.prober == '' or state.proberUntil <= now) then
    state.prober = report.id
    state.proberUntil = now + lease
  elseif isMine then
    state.prober = ''
    state.proberUntil = 0
    isNews = true
  end
end`

/** Names those that are to report at once. */
const told = `local names = {}
for id in pairs(asked) do names[#names + 1] = id end
table.sort(names)
if isNews then names = {'*'} end
if #names > 0 then redis.call('PUBLISH', ARGV[2], table.concat(names, ' ')) end`

/** Stores the state, and answers. */
const reply = `local kept = lease
local reply = {now = now, epoch = state.epoch, members = 0, claims = 0, mode = 'wait', blocked = state.blocked,
  again = again, more = 0, quotas = {}}
for _ in pairs(state.members) do reply.members = reply.members + 1 end
reply.members = math.max(state.expected, reply.members)
if state.claim > 0 then
  reply.claims = 1
  reply.more = state.claim
  if now < earliest then reply.more = earliest end
end
if state.open == 1 then
  reply.mode = 'open'
elseif state.prober == report.id and state.claim == 0 then
  reply.mode = 'probe'
end
local own = state.members[report.id]
for i, quota in ipairs(state.quotas) do
  kept = math.max(kept, lengthOf(quota))
  for key in pairs(quota.out) do
    local ends = tonumber(key)
    if reply.more == 0 or ends < reply.more then reply.more = ends end
  end
  reply.quotas[i] = {name = quota.name, kind = quota.kind, limit = quota.limit, window = quota.window,
    ['end'] = quota['end'], begin = quota.begin, countedFrom = quota.countedFrom, others = leftToOthers(quota), out = quota.out,
    share = own and own[8][i][1] or 0}
end
redis.call('SET', KEYS[1], cmsgpack.pack(state), 'PX', string.format('%.0f', kept + 2 * lease))
return cjson.encode(reply)`

/** What a process says and is told, by the clock of Redis. */
export const exchange: Script = scriptOf(`local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function isSettled(lease)
  local info = redis.pcall('INFO', 'server')
  local up = type(info) == 'string' and string.match(info, 'uptime_in_seconds:(%d+)')
  return up and up * 1000 > lease + 1000
end`)
