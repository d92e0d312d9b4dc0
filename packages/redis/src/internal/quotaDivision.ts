/** Who may use how much of a quota, in Lua: `sharedDivision.ts` and `fairShares.ts` of `@effect-auth/rate-limit`. */

/** Max-min fair shares of a whole number. */
export const fairShares = `-- divided
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
end`

/**
 * The share of the process that reports. `asked` are those that are to report because of it, and `again` says whether it is to
 * report once more itself.
 */
export const divided = `local again, asked = 0, {}
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
    local pot = math.max(1, quota.limit - leftToOthers(quota)) - sum(quota.out)
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
        report.waiting > 0 and used >= share and rest + used + 1 + leftToOthers(quota) + sum(quota.out) <= quota.limit then
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
state.at = now`
