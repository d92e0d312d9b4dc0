/**
 * The exchange of `@effect-auth/rate-limit` as a script of Redis: what processes that share the quotas of a key report, and
 * what each is told. It is that function word for word, and the integration tests compare the two on random histories.
 *
 * The state is under KEYS[1], as MessagePack, which takes half the time of JSON. ARGV[1] is the report, as JSON; ARGV[2] the
 * channel on which those are named that are to report at once. The answer is the reply, as JSON.
 *
 * All times are those of Redis. A state that is missing was never there if Redis has run for longer than a lease.
 */
import type { Script } from "../RedisClient.ts"

/** `clock` sets `now`, in milliseconds, and `isSettled`, a function of the lease. */
export const scriptOf = (clock: string): Script => ({ name: "exchange", lua: `${clock}\n${body}` })

const body = `local report = cjson.decode(ARGV[1])
local lease = report.lease
local stored = redis.call('GET', KEYS[1])
local state = stored and cmsgpack.unpack(stored)
if not state then
  local claim = now + lease
  if report.epoch == 0 and isSettled(lease) then claim = 0 end
  state = {epoch = now, at = now, claim = claim, expected = 0, open = 0, prober = '', proberUntil = 0, lost = 0, blocked = 0,
    quotas = {}, members = {}}
end
local isNews = false
local wasClaiming

local function isOf(quota, item)
  return quota.name == item.name and (quota.kind == 'slots') == (item.slots == 1)
end
local function heldOf(quota)
  for _, held in ipairs(report.holds) do if isOf(quota, held) then return held end end
end
local function lengthOf(quota) if quota.window == 0 then return 60000 end return quota.window end
local function bucketOf(quota) if quota.window == 0 then return 250 end return math.ceil(quota.window / 50) end
local function sum(counts, holds)
  local total = 0
  for key, count in pairs(counts) do
    if not holds or holds(tonumber(key)) then total = total + count end
  end
  return total
end
local function add(counts, key, count)
  if count == 0 then return end
  local name = string.format('%.0f', key)
  counts[name] = (counts[name] or 0) + count
end
local function keep(counts, holds)
  for key in pairs(counts) do if not holds(tonumber(key)) then counts[key] = nil end end
end
local function outWith(quota, usedUntil, count)
  local length = 0
  if quota.kind ~= 'slots' then length = lengthOf(quota) end
  local step = math.max(1, math.ceil(length / 16))
  local ends = math.ceil((usedUntil + length) / step) * step
  if ends > now then add(quota.out, ends, count) end
end
local function boundOf(i, isLiving)
  local total = 0
  for _, member in pairs(state.members) do
    local hold = member[8][i]
    if hold and (not isLiving or member[1] > now) then total = total + hold[2] end
  end
  return total
end

-- paused
local others, count = 0, 0
for id in pairs(state.members) do
  count = count + 1
  if id ~= report.id then others = others + 1 end
end
if others > 0 and now - state.at > math.floor(lease / 2) and state.claim <= now then
  state.claim = now + lease
  state.expected = count
  for _, member in pairs(state.members) do member[5] = 0 end
end

-- adopted
if report.epoch ~= 0 and report.epoch ~= state.epoch then
  if state.claim > 0 then state.expected = math.max(state.expected, report.members) end
  if #state.quotas == 0 and #report.known > 0 then
    state.open = 1
    for i, known in ipairs(report.known) do
      known.countedFrom = 0
      known.wary = 0
      known.heard = 0
      known.pending = {0, 0, -1, 0}
      known.charges = {}
      known.probe = 0
      state.quotas[i] = known
    end
    for _, member in pairs(state.members) do
      member[8] = {}
      for i, known in ipairs(report.known) do member[8][i] = {0, 0, math.min(known.limit, member[6] + member[7])} end
    end
  end
end

-- rolled
for _, quota in ipairs(state.quotas) do
  if quota.kind == 'fixed' and quota['end'] > 0 and quota['end'] <= now then
    quota.begin = quota['end']
    quota['end'] = 0
    if quota.window == 0 then quota.charges = {} end
    quota.pending = {0, 0, -1, 0}
  end
end

-- learned
if state.open == 0 and (report.open == 1 or #report.stated > 0) then
  state.open = 1
  isNews = true
end
if report.blocked > now and report.blocked > state.blocked + 1000 then isNews = true end
state.blocked = math.max(report.blocked, state.blocked)
for _, statement in ipairs(report.stated) do
  local quota
  for _, known in ipairs(state.quotas) do if isOf(known, statement) then quota = known break end end
  if not quota then
    if #state.quotas < 5 then
      isNews = true
      local kind, ends, pending = 'fixed', 0, {0, 0, -1, 0}
      if statement.slots == 1 then kind = 'slots' elseif statement.window > 0 then kind = 'unknown' end
      if statement['end'] > now then
        ends = statement['end']
      elseif statement.slots == 0 and statement.window == 0 then
        ends = now + 60000
      end
      if statement.used >= 0 and statement.sentAt >= state.epoch and statement.slots == 0 then
        pending = {statement.sentAt, statement.answeredAt, statement.used, statement.isBlock}
      end
      local window = statement.window
      if statement.slots == 1 then window = 0 end
      state.quotas[#state.quotas + 1] = {name = statement.name, kind = kind, limit = statement.limit, window = window,
        ['end'] = ends, begin = 0, countedFrom = 0, others = 0, wary = 0, heard = statement.answeredAt, pending = pending, charges = {},
        out = {}, probe = 0}
      if kind ~= 'slots' then outWith(state.quotas[#state.quotas], now, state.lost) end
      for _, member in pairs(state.members) do
        member[8][#state.quotas] = {0, 0, math.min(statement.limit, member[6] + member[7])}
      end
    end
  elseif statement.answeredAt >= quota.heard then
    local isResized = statement.window > 0 and statement.window ~= quota.window and quota.kind ~= 'slots'
    local isChanged = statement.limit ~= quota.limit or isResized
    local isJudged = statement.used >= 0 and statement.sentAt >= state.epoch and quota.kind ~= 'slots'
    if isResized then
      quota.window = statement.window
      quota.kind = 'unknown'
      quota['end'] = 0
      quota.charges = {}
      quota.pending = {0, 0, -1, 0}
    end
    local isNone = quota.pending[3] < 0
    isJudged = isJudged and (isNone or statement.isBlock == 1)
    quota.limit = statement.limit
    quota.heard = statement.answeredAt
    if quota.kind ~= 'slots' and quota.kind ~= 'sliding' then
      local told = statement['end']
      if told <= now then
        if quota['end'] == 0 and quota.window == 0 then quota['end'] = now + lengthOf(quota) end
      elseif quota['end'] == 0 then
        quota['end'] = told
      elseif quota.kind ~= 'unknown' then
        local near = quota.window
        if near == 0 then near = 4000 end
        if math.abs(told - quota['end']) * 2 <= near then
          quota['end'] = math.min(told, quota['end'])
        else
          quota['end'] = math.max(told, quota['end'])
        end
      end
    end
    if isJudged then quota.pending = {statement.sentAt, statement.answeredAt, statement.used, statement.isBlock} end
    if isChanged or (isJudged and statement.isBlock == 1 and isNone) then isNews = true end
    if isResized then state.epoch = math.max(now, state.epoch + 1) end
  end
end

-- join
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
wasClaiming = state.claim > now

-- counted
for _, quota in ipairs(state.quotas) do
  local before = quota.countedFrom
  for _, statement in ipairs(report.stated) do
    if quota.kind == 'fixed' and isOf(quota, statement) and statement.used >= 0 and statement.sentAt >= state.epoch then
      local bucket, keys, left = bucketOf(quota), {}, statement.used - 1 + statement.isBlock
      local from = math.floor(statement.sentAt / bucket) - 1
      for name in pairs(quota.charges) do
        local key = tonumber(name)
        if key < from and key * bucket >= quota.countedFrom then keys[#keys + 1] = key end
      end
      table.sort(keys)
      for i = #keys, 1, -1 do
        local isOver = left <= 0
        if not isOver then
          left = left - quota.charges[string.format('%.0f', keys[i])]
          from = keys[i]
        end
        if isOver or left < 0 then
          quota.countedFrom = from * bucket
          keep(quota.out, function(ends) return ends > quota.countedFrom + lengthOf(quota) end)
          break
        end
      end
    end
  end
  if (quota.countedFrom - before) * 2 > quota.window then isNews = true end
end

-- settled
local earliest = state.claim - math.floor(lease / 2)
if state.claim > 0 then
  local claims = 0
  for _, member in pairs(state.members) do
    if member[1] > now and member[5] == 1 then claims = claims + 1 end
  end
  local haveCome = state.expected > 0 and claims >= state.expected and now >= earliest
  if haveCome or now >= state.claim then
    if not haveCome and state.expected > 0 then
      for i, quota in ipairs(state.quotas) do
        if quota.kind ~= 'slots' then
          outWith(quota, now, math.max(0, quota.limit - quota.others - sum(quota.out) - boundOf(i, true)))
        end
      end
    end
    state.claim = 0
    state.expected = 0
    for id, member in pairs(state.members) do if member[1] <= now then state.members[id] = nil end end
  end
end

-- expired
local dead = {}
for id, member in pairs(state.members) do if member[1] <= now then dead[id] = member end end
for i, quota in ipairs(state.quotas) do
  keep(quota.out, function(ends) return ends > now end)
  if state.claim == 0 then
    for _, member in pairs(dead) do
      local from = member[1]
      if quota.kind == 'slots' then from = from + lease end
      outWith(quota, from, member[8][i] and member[8][i][2] or 0)
    end
  end
end
if state.open == 0 and state.claim == 0 and dead[state.prober] then state.lost = state.lost + 1 end
if state.blocked <= now then state.blocked = 0 end
if state.claim == 0 then
  for id in pairs(dead) do state.members[id] = nil end
end

-- judged
local inFlight, reportedAt, areCounted = 0, math.huge, true
for _, member in pairs(state.members) do
  inFlight = inFlight + member[6]
  reportedAt = math.min(reportedAt, member[2])
  areCounted = areCounted and member[3] == 1
end
for i, quota in ipairs(state.quotas) do
  local sentAt, answeredAt, used, isBlock = unpack(quota.pending)
  if used >= 0 and state.claim == 0 and areCounted and reportedAt >= answeredAt then
    local bucket, window, held = bucketOf(quota), quota.window, boundOf(i)
    local isDue = quota.kind == 'unknown' and quota['end'] > 0 and sentAt > quota['end']
    local certain = sum(quota.charges, function(key)
      if (key + 1) * bucket > sentAt or key * bucket < quota.countedFrom then return false end
      if window == 0 then return true end
      if quota.kind == 'fixed' then return key * bucket >= quota.begin end
      return key * bucket + window > answeredAt
    end)
    local forgotten = 0
    if isDue then
      forgotten = sum(quota.charges, function(key)
        return (key + 1) * bucket <= quota['end'] and key * bucket + window > answeredAt
      end)
    end
    local isTelling = isDue and forgotten >= math.max(2, math.floor(quota.limit / 4))
    quota.pending = {0, 0, -1, 0}
    if isTelling and used * 2 <= forgotten then
      quota.kind = 'fixed'
      quota.begin = quota['end']
      quota['end'] = 0
      quota.others = 0
      isNews = true
    else
      local possible = inFlight + sum(quota.out) + sum(quota.charges, function(key)
        return window == 0 or (key + 1) * bucket + window > sentAt
      end)
      local taken = 0
      if isBlock == 1 and held + quota.others + sum(quota.out) <= quota.limit then
        taken = quota.others + math.ceil(quota.limit / 10)
      end
      local least = math.min(quota.limit, math.max(0, used - possible, taken))
      local most = math.max(least, used - certain)
      local isRisen = least > 0 and least >= quota.others
      local isFalling = not isRisen and quota.others > least and quota.wary <= now
      local before = quota.others
      if isFalling then
        local fallen
        if before > most then
          fallen = math.max(most, before - math.max(1, math.floor((before - most) / 4)))
        else
          fallen = before - math.max(1, math.floor(before / 8))
        end
        quota.others = math.max(least, fallen)
      else
        quota.others = math.max(least, before)
      end
      if isRisen or (isFalling and before <= most) then quota.wary = now + 5000 end
      if isTelling and used * 4 >= forgotten * 3 then
        quota.kind = 'sliding'
        isNews = true
      end
      if isDue then quota['end'] = 0 end
      if isDue and not isTelling then quota.probe = now + 10 * window end
      if quota.others > before and held + quota.others + sum(quota.out) > quota.limit then isNews = true end
    end
  end
end

-- probed
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
end

-- divided
local function fairShares(pot, needs, turn)
  local shares, open, left = {}, {}, pot
  for i = 1, #needs do
    shares[i] = 0
    open[i] = i
  end
  while true do
    local level = math.floor(left / math.max(1, #open))
    local rest, met = {}, 0
    for _, i in ipairs(open) do
      if needs[i] <= level then
        shares[i] = needs[i]
        left = left - needs[i]
        met = met + 1
      else
        rest[#rest + 1] = i
      end
    end
    open = rest
    if met == 0 then break end
  end
  if #open == 0 then
    local spare = math.floor(left / math.max(1, #needs))
    for i = 1, #needs do shares[i] = shares[i] + spare end
    return shares
  end
  local level = math.floor(left / #open)
  local more = left - level * #open
  for position, i in ipairs(open) do
    shares[i] = level
    if (position - 1 + turn) % #open < more then shares[i] = level + 1 end
  end
  return shares
end

local again, asked = 0, {}
if state.claim == 0 then
  local ids, me = {}, 0
  for id in pairs(state.members) do ids[#ids + 1] = id end
  table.sort(ids)
  for j, id in ipairs(ids) do if id == report.id then me = j end end
  for i, quota in ipairs(state.quotas) do
    local bounds, shares, needs, total = {}, {}, {}, 0
    for j, id in ipairs(ids) do
      local hold = state.members[id][8][i]
      shares[j], bounds[j], needs[j] = hold[1], hold[2], hold[3]
      total = total + hold[2]
    end
    local pot = math.max(1, quota.limit - quota.others) - sum(quota.out)
    if pot > 1 then
      if quota.kind == 'unknown' and quota['end'] > 0 and quota.probe <= now and quota.limit >= 4 then pot = pot - 1 end
    else
      pot = math.max(0, pot)
    end
    local turn = 500
    if quota.kind ~= 'slots' then turn = math.max(1000, quota.window) end
    local targets = fairShares(pot, needs, math.floor(now / turn))
    local function isHungry(j) return shares[j] < math.min(targets[j], needs[j]) end
    local hasAsked = {}
    for j, id in ipairs(ids) do hasAsked[j] = state.members[id][4] ~= 0 end
    if me > 0 then
      local held = heldOf(quota)
      local used = held and held.used or 0
      local rest = total - bounds[me]
      local share = math.max(0, math.min(targets[me], pot - rest))
      if quota.kind == 'unknown' and quota['end'] > 0 and quota['end'] < now and quota.probe <= now and
        report.waiting > 0 and used >= share and rest + used + 1 + quota.others + sum(quota.out) <= quota.limit then
        share = used + 1
        quota.probe = now + lease
      end
      local bound = math.max(share, bounds[me])
      local hold = state.members[report.id][8][i]
      hold[1], hold[2] = share, bound
      shares[me] = share
      total = rest + bound
      local waits = false
      for j in ipairs(ids) do waits = waits or (j ~= me and isHungry(j)) end
      if waits and bound > math.max(share, used) then again = 1 end
      if isHungry(me) then
        for j, id in ipairs(ids) do
          if j ~= me and not hasAsked[j] and
            shares[j] - targets[j] >= math.max(1, math.floor(targets[j] / 4)) then asked[id] = true end
        end
      end
    end
    local free = pot - total
    for j, id in ipairs(ids) do
      if free > 0 and j ~= me and not hasAsked[j] and isHungry(j) then
        asked[id] = true
        free = free - (targets[j] - shares[j])
      end
    end
  end
  for id in pairs(asked) do state.members[id][4] = 1 end
end
if wasClaiming and state.claim == 0 then isNews = true end
state.at = now

local names = {}
for id in pairs(asked) do names[#names + 1] = id end
table.sort(names)
if isNews then names = {'*'} end
if #names > 0 then redis.call('PUBLISH', ARGV[2], table.concat(names, ' ')) end

local kept = lease
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
    ['end'] = quota['end'], begin = quota.begin, countedFrom = quota.countedFrom, others = quota.others, out = quota.out,
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
