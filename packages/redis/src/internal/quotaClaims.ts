/**
 * What happens to what a process holds when it is gone, and to what all of them hold when the state is lost, in Lua:
 * `sharedClaims.ts` of `@effect-auth/rate-limit`.
 */

/** Where nobody has reported for half a lease, all claim what they hold before anything is granted. */
export const paused = `-- paused
local others, count = 0, 0
for id in pairs(state.members) do
  count = count + 1
  if id ~= report.id then others = others + 1 end
end
if others > 0 and now - state.at > math.floor(lease / 2) and state.claim <= now then
  state.claim = now + lease
  state.expected = count
  for _, member in pairs(state.members) do member[5] = 0 end
end`

/** A state that was lost is begun with what its first claimant knows. */
export const adopted = `-- adopted
if report.epoch ~= 0 and report.epoch ~= state.epoch then
  if state.claim > 0 then state.expected = math.max(state.expected, report.members) end
  if #state.quotas == 0 and #report.known > 0 then
    state.open = 1
    for i, known in ipairs(report.known) do
      known.countedFrom = 0
      known.usual = 0
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
end`

/** The claims are over when all have come of whom is known, but not before `earliest`, or after a lease. */
export const settled = `-- settled
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
          outWith(quota, now, math.max(0, quota.limit - leftToOthers(quota) - sum(quota.out) - boundOf(i, true)))
        end
      end
    end
    state.claim = 0
    state.expected = 0
    for id, member in pairs(state.members) do if member[1] <= now then state.members[id] = nil end end
  end
end`

/** What a process held that has not reported for a lease stays out for one window more. */
export const expired = `-- expired
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
end`
