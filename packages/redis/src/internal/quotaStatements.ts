/** What the server states, and what that says of the calls of others, in Lua: `sharedStatements.ts` of `@effect-auth/rate-limit`. */

/** What the process has heard of the server. */
export const learned = `-- learned
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
        ['end'] = ends, begin = 0, countedFrom = 0, others = 0, usual = 0, wary = 0, heard = statement.answeredAt, pending = pending, charges = {},
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
      quota.usual = 0
      quota.charges = {}
      quota.pending = {0, 0, -1, 0}
    end
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
          local isNext = quota.kind == 'fixed' and told > quota['end'] and quota['end'] <= now + 2000
          if isNext then beginAnew(quota) end
          quota['end'] = math.max(told, quota['end'])
        end
      end
    end
    local isNone = quota.pending[3] < 0
    isJudged = isJudged and (isNone or statement.isBlock == 1)
    if isJudged then quota.pending = {statement.sentAt, statement.answeredAt, statement.used, statement.isBlock} end
    if isChanged or (isJudged and statement.isBlock == 1 and isNone) then isNews = true end
    if isResized then state.epoch = math.max(now, state.epoch + 1) end
  end
end`

/** The server has counted fewer calls in a fixed window than were made: the oldest were in one that has ended. */
export const counted = `-- counted
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
end`

/** Judges the statements that every process has reported past. */
export const judged = `-- judged
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
      beginAnew(quota)
      isNews = true
    else
      local since = sentAt - window
      if quota.kind == 'fixed' then since = math.max(quota.begin - 2000, since) end
      local possible = inFlight + sum(quota.out) + sum(quota.charges, function(key)
        return window == 0 or (key + 1) * bucket > since
      end)
      local taken = 0
      if isBlock == 1 and held + leftToOthers(quota) + sum(quota.out) <= quota.limit then
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
      if quota.others > before and held + leftToOthers(quota) + sum(quota.out) > quota.limit then isNews = true end
    end
  end
end`
