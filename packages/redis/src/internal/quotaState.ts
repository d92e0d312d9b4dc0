/**
 * The state of quotas that processes share, in Lua: `sharedState.ts` of `@effect-auth/rate-limit`. Numbers are keys as text, and
 * lists begin at 1: of a member, 1 is `leaseUntil`, 2 `reportedAt`, 3 `isCounted`, 4 `isAsked`, 5 `claimed`, 6 `inFlight`,
 * 7 `waiting` and 8 the holds, each with 1 `share`, 2 `bound` and 3 `need`.
 */

/**
 * Reads the `report`, and the `state` as it is stored, or begins one. `isNews` becomes true when every process has to know at
 * once.
 */
export const begun = `local report = cjson.decode(ARGV[1])
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
local wasClaiming`

/** What the parts of the script have in common. */
export const functions = `local function isOf(quota, item)
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
local function leftToOthers(quota)
  local length = quota.window
  if length == 0 then length = quota['end'] - quota.begin end
  if quota['end'] == 0 or length <= 0 then return quota.others + quota.usual end
  return quota.others + math.ceil(quota.usual * math.min(length, math.max(0, quota['end'] - now)) / length)
end
local function beginAnew(quota)
  quota.begin = quota['end']
  quota['end'] = 0
  quota.usual = quota.others
  quota.others = 0
  if quota.window == 0 then quota.charges = {} end
  quota.pending = {0, 0, -1, 0}
end
local function boundOf(i, isLiving)
  local total = 0
  for _, member in pairs(state.members) do
    local hold = member[8][i]
    if hold and (not isLiving or member[1] > now) then total = total + hold[2] end
  end
  return total
end`
