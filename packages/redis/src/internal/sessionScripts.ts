/**
 * What is done to a session in Redis, each as one step: a hash with its `generation` and its `text`, and a lock with its
 * owner. An empty text is a session that was removed: without it, a process that has not heard of the removal would take it
 * for a loss of the store and restore the session.
 *
 * Each script may be run again, because a client that gets no answer does not know whether it ran.
 *
 * KEYS[1]: the session. KEYS[2]: its lock.
 */
import type { Script } from "../RedisClient.ts"

/** `{generation, text}`, or `{'0', ''}`. */
export const read: Script = {
  name: "read",
  lua: `local entry = redis.call('HMGET', KEYS[1], 'generation', 'text')
return {entry[1] or '0', entry[2] or ''}`
}

/**
 * Gives the lock to ARGV[1] for ARGV[2] milliseconds, with what is stored: `{'granted', generation, text}`. Another has it:
 * `{'held', milliseconds}`. Nothing is stored, not even a removal, so the store may have lost what it had: `{'empty'}`, and
 * everyone is asked on the channel ARGV[4], unless ARGV[3] says that they had their chance. That is then noted as generation 1
 * for ARGV[5] milliseconds, which is less than that of any token: nobody is asked again.
 */
export const acquire: Script = {
  name: "acquire",
  lua: `local owner = redis.call('GET', KEYS[2])
if owner and owner ~= ARGV[1] then return {'held', tostring(redis.call('PTTL', KEYS[2]))} end
local entry = redis.call('HMGET', KEYS[1], 'generation', 'text')
if not entry[1] and ARGV[3] ~= 'anyway' then
  redis.call('PUBLISH', ARGV[4], 'who')
  return {'empty'}
end
if not entry[1] then
  redis.call('HSET', KEYS[1], 'generation', '1', 'text', '')
  redis.call('PEXPIRE', KEYS[1], ARGV[5])
end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return {'granted', entry[1] or '1', entry[2] or ''}`
}

/**
 * Keeps the lock of ARGV[1] for ARGV[2] more milliseconds. A lock that is gone, or kept for its owner by {@link restore}, is
 * taken again unless another token than that of generation ARGV[3] was stored meanwhile: `{'lost'}`.
 */
export const renew: Script = {
  name: "renew",
  lua: `local owner = redis.call('GET', KEYS[2])
if owner == 'everyone' then owner = false end
if owner and owner ~= ARGV[1] then return {'lost'} end
if not owner then
  local generation = redis.call('HGET', KEYS[1], 'generation')
  if generation and tonumber(generation) > tonumber(ARGV[3]) then return {'lost'} end
end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return {'renewed'}`
}

/** Gives the lock of ARGV[1] back, and says so on the channel ARGV[2]. */
export const release: Script = {
  name: "release",
  lua: `if redis.call('GET', KEYS[2]) == ARGV[1] then
  redis.call('DEL', KEYS[2])
  redis.call('PUBLISH', ARGV[2], 'released')
end
return {'released'}`
}

/**
 * Stores the text ARGV[3] as generation ARGV[2] if generation ARGV[1] is stored (0: nothing), and says so on the channel
 * ARGV[4]. Otherwise `{'refused', generation, text}`, with what is stored.
 */
export const put: Script = {
  name: "put",
  lua: `local entry = redis.call('HMGET', KEYS[1], 'generation', 'text')
local generation = entry[1]
if generation == ARGV[2] and entry[2] == ARGV[3] then return {'stored'} end
local held = '0'
if generation and entry[2] ~= '' then held = generation end
if held ~= ARGV[1] or (generation and tonumber(generation) >= tonumber(ARGV[2])) then
  return {'refused', generation or '0', entry[2] or ''}
end
redis.call('HSET', KEYS[1], 'generation', ARGV[2], 'text', ARGV[3])
redis.call('PERSIST', KEYS[1])
redis.call('PUBLISH', ARGV[4], 'stored ' .. ARGV[2])
return {'stored'}`
}

/**
 * Brings back what the store has lost: generation ARGV[1] with the text ARGV[2], unless that or a later one is stored:
 * `{'kept', generation, text}`. A removal is kept for ARGV[4] milliseconds. What has lost the session may have lost its lock
 * too, so that nobody gets it before the one that had it could take it again, for which ARGV[5] milliseconds are left.
 */
export const restore: Script = {
  name: "restore",
  lua: `local entry = redis.call('HMGET', KEYS[1], 'generation', 'text')
if entry[1] and tonumber(entry[1]) >= tonumber(ARGV[1]) then return {'kept', entry[1], entry[2]} end
redis.call('HSET', KEYS[1], 'generation', ARGV[1], 'text', ARGV[2])
if ARGV[2] == '' then redis.call('PEXPIRE', KEYS[1], ARGV[4]) else redis.call('PERSIST', KEYS[1]) end
redis.call('SET', KEYS[2], 'everyone', 'PX', ARGV[5], 'NX')
redis.call('PUBLISH', ARGV[3], 'stored ' .. ARGV[1])
return {'restored'}`
}

/**
 * Removes the token of generation ARGV[1]: from now on there is none of generation ARGV[2], for ARGV[4] milliseconds. If
 * another is stored, it stays: `{'kept', generation, text}`.
 */
export const remove: Script = {
  name: "remove",
  lua: `local entry = redis.call('HMGET', KEYS[1], 'generation', 'text')
if entry[1] and entry[1] ~= ARGV[1] then return {'kept', entry[1], entry[2]} end
redis.call('HSET', KEYS[1], 'generation', ARGV[2], 'text', '')
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('PUBLISH', ARGV[3], 'stored ' .. ARGV[2])
return {'removed'}`
}
