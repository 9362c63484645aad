"""The server-side scripts of the queue: each is one atomic step, and costs log n of what waits.

Keys are not declared, because most are found on the way: Redis Cluster is not supported.
"""

_HEAD = """
local clock = redis.call('TIME')
local now_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
local queues = {'high', 'normal', 'low'}
local lines_read = {}
local function line_of(id)
  if lines_read[id] == nil then
    local text = redis.call('HGET', 'job:lines', id)
    lines_read[id] = text and cjson.decode(text) or false
  end
  return lines_read[id]
end
local function add_usage(line, count)
  for _, field in ipairs({'p:' .. line.project, 'u:' .. line.project .. '/' .. line.user}) do
    local key = 'job:usage'
    for _, unit in ipairs({'cpus', 'gpus', 'share'}) do
      if line[unit] ~= 0 then
        local left = redis.call('HINCRBYFLOAT', key, field .. ':' .. unit, count * line[unit])
        -- Sums of fractions do not come back to zero by themselves.
        if math.abs(tonumber(left)) < 0.0001 then redis.call('HDEL', key, field .. ':' .. unit) end
      end
    end
  end
end
local function queue_key(line) return 'job:queue:' .. line.priority end
local function unqueue_if_empty(id, line)
  if redis.call('EXISTS', 'job:line:' .. id) == 0 then
    redis.call('ZREM', queue_key(line), id)
  end
end
"""

# ARGV: line id, line as JSON, score or '' for now, delay in ms, then the entries; for a line of
# gangs, each followed by its members as JSON. What waits or runs already stays as it is. Returns
# how many are new.
ENQUEUE = (
    _HEAD
    + """
local id, score, delay_ms = ARGV[1], ARGV[3], tonumber(ARGV[4])
redis.call('HSETNX', 'job:lines', id, ARGV[2])
local line = line_of(id)
if score == '' then score = now_ms end
local waiting, delayed = 'job:line:' .. id, 'job:queue:delayed'
local added = 0
for i = 5, #ARGV, line.is_gang and 2 or 1 do
  local entry = ARGV[i]
  local first = entry
  if line.is_gang then first = cjson.decode(ARGV[i + 1])[1] end
  if not redis.call('ZSCORE', 'job:leases', first) then
    if line.is_gang then redis.call('HSET', 'job:gangs', entry, ARGV[i + 1]) end
    if delay_ms > 0 then
      if not redis.call('ZSCORE', waiting, entry) then
        added = added
          + redis.call('ZADD', delayed, 'NX', now_ms + delay_ms, id .. ' ' .. entry)
      end
    elseif not redis.call('ZSCORE', delayed, id .. ' ' .. entry) then
      added = added + redis.call('ZADD', waiting, 'NX', score, entry)
    end
  end
end
if redis.call('EXISTS', waiting) == 1 then redis.call('ZADD', queue_key(line), 'NX', 0, id) end
return added
"""
)

# ARGV: lines a queue at most, entries in all at most, lines of each queue to leave out. Returns
# now, then for each line: id, line as JSON, when it was last served, how many wait, the usage of
# its project (cpus, gpus, share) and of its tenant, and a list of entries, scores and gangs.
PEEK = (
    _HEAD
    + """
local found = {}
local ids = {}
for _, name in ipairs(queues) do
  local first = tonumber(ARGV[3])
  local rows = redis.call('ZRANGE', 'job:queue:' .. name, first, first + ARGV[1] - 1,
    'WITHSCORES')
  for i = 1, #rows, 2 do ids[#ids + 1] = {rows[i], rows[i + 1]} end
end
if #ids == 0 then return {now_ms, found} end
local wanted = tonumber(ARGV[2])
local each = math.max(2, math.min(wanted, math.ceil(2 * wanted / #ids)))
for _, row in ipairs(ids) do
  local id = row[1]
  local text = redis.call('HGET', 'job:lines', id)
  if text then
    local line = cjson.decode(text)
    local project = 'p:' .. line.project
    local tenant = 'u:' .. line.project .. '/' .. line.user
    local usage = redis.call('HMGET', 'job:usage',
      project .. ':cpus', project .. ':gpus', project .. ':share',
      tenant .. ':cpus', tenant .. ':gpus', tenant .. ':share')
    for i = 1, 6 do usage[i] = usage[i] or '0' end
    local key = 'job:line:' .. id
    local entries = redis.call('ZRANGE', key, 0, each - 1, 'WITHSCORES')
    local gangs = {}
    if line.is_gang then
      for i = 1, #entries, 2 do
        gangs[#gangs + 1] = redis.call('HGET', 'job:gangs', entries[i]) or '[]'
      end
    end
    found[#found + 1] = {id, text, row[2], redis.call('ZCARD', key), usage, entries, gangs}
  end
end
return {now_ms, found}
"""
)

# ARGV: lease in ms, the project's and the user's most cpus and gpus ('' for no limit), then line,
# number of entries, entries; line, ... Returns for each entry: 1 taken, 0 gone, 2 over a quota.
CLAIM = (
    _HEAD
    + """
local lease_ms = ARGV[1]
local limits = {
  {'p', 'cpus', tonumber(ARGV[2])}, {'p', 'gpus', tonumber(ARGV[3])},
  {'u', 'cpus', tonumber(ARGV[4])}, {'u', 'gpus', tonumber(ARGV[5])}}
local has_limits = ARGV[2] .. ARGV[3] .. ARGV[4] .. ARGV[5] ~= ''
local function is_over(line, count)
  for _, limit in ipairs(limits) do
    if limit[3] then
      local field = limit[1] == 'p' and 'p:' .. line.project
        or 'u:' .. line.project .. '/' .. line.user
      local held = tonumber(redis.call('HGET', 'job:usage', field .. ':' .. limit[2]) or '0')
      if line[limit[2]] > 0 and held + count * line[limit[2]] > limit[3] + 0.0001 then
        return true
      end
    end
  end
  return false
end
local results = {}
local starts = {}
local i = 6
while i <= #ARGV do
  local id, count = ARGV[i], tonumber(ARGV[i + 1])
  local line = line_of(id)
  local waiting = 'job:line:' .. id
  local taken = 0
  for e = i + 2, i + 1 + count do
    local entry = ARGV[e]
    local result = 0
    if line and redis.call('ZSCORE', waiting, entry) then
      local refs = {entry}
      if line.is_gang then refs = cjson.decode(redis.call('HGET', 'job:gangs', entry)) end
      if redis.call('ZSCORE', 'job:leases', refs[1]) then
        -- It waits in another line, too, and was claimed from there.
        redis.call('ZREM', waiting, entry)
        unqueue_if_empty(id, line)
      elseif has_limits and is_over(line, #refs) then
        result = 2
      else
        result = 1
        redis.call('ZREM', waiting, entry)
        if line.is_gang then redis.call('HDEL', 'job:gangs', entry) end
        for _, ref in ipairs(refs) do
          redis.call('ZADD', 'job:leases', now_ms + lease_ms, ref)
          redis.call('HSET', 'job:running', ref, id)
        end
        if has_limits then add_usage(line, #refs) end
        taken = taken + #refs
        if #starts < 32 then starts[#starts + 1] = now_ms end
      end
    end
    results[#results + 1] = result
  end
  if taken > 0 then
    if not has_limits then add_usage(line, taken) end
    redis.call('ZADD', queue_key(line), 'XX', now_ms, id)
    unqueue_if_empty(id, line)
  end
  i = i + 2 + count
end
if #starts > 0 then
  redis.call('LPUSH', 'job:starts', unpack(starts))
  redis.call('LTRIM', 'job:starts', 0, 63)
end
return results
"""
)

# ARGV: worker, lease in ms, members. Returns those without a lease.
RENEW = (
    _HEAD
    + """
redis.call('ZADD', 'workers:seen', now_ms, ARGV[1])
local unknown = {}
for i = 3, #ARGV do
  if redis.call('ZSCORE', 'job:leases', ARGV[i]) then
    redis.call('ZADD', 'job:leases', now_ms + ARGV[2], ARGV[i])
  else
    unknown[#unknown + 1] = ARGV[i]
  end
end
return unknown
"""
)

# ARGV: lease in ms, line id, line as JSON, members. One with a lease keeps it. Returns how many
# had none.
GRANT = (
    _HEAD
    + """
local id = ARGV[2]
redis.call('HSETNX', 'job:lines', id, ARGV[3])
local line = line_of(id)
local granted = 0
for i = 4, #ARGV do
  if redis.call('ZADD', 'job:leases', 'NX', now_ms + ARGV[1], ARGV[i]) == 1 then
    redis.call('HSET', 'job:running', ARGV[i], id)
    redis.call('ZREM', 'job:line:' .. id, ARGV[i])
    redis.call('ZREM', 'job:queue:delayed', id .. ' ' .. ARGV[i])
    granted = granted + 1
  end
end
add_usage(line, granted)
unqueue_if_empty(id, line)
return granted
"""
)

# ARGV: members whose attempts have ended. Returns how many had a lease.
RELEASE = (
    _HEAD
    + """
local released = 0
local ended = {}
for i = 1, #ARGV do
  redis.call('ZREM', 'job:leases', ARGV[i])
  local id = redis.call('HGET', 'job:running', ARGV[i])
  if id then
    redis.call('HDEL', 'job:running', ARGV[i])
    ended[id] = (ended[id] or 0) + 1
    released = released + 1
  end
end
for id, count in pairs(ended) do
  local line = line_of(id)
  if line then add_usage(line, -count) end
end
return released
"""
)

# ARGV: line id, entries that shall not wait any more. Returns how many waited.
REMOVE = (
    _HEAD
    + """
local id = ARGV[1]
local line = line_of(id)
if not line then return 0 end
local removed = 0
for i = 2, #ARGV do
  removed = removed + redis.call('ZREM', 'job:line:' .. id, ARGV[i])
    + redis.call('ZREM', 'job:queue:delayed', id .. ' ' .. ARGV[i])
  if line.is_gang then redis.call('HDEL', 'job:gangs', ARGV[i]) end
end
unqueue_if_empty(id, line)
return removed
"""
)

# ARGV: the most to return.
EXPIRED = (
    _HEAD
    + """
return redis.call('ZRANGEBYSCORE', 'job:leases', '-inf', now_ms, 'LIMIT', 0, ARGV[1])
"""
)

# ARGV: the most to move. Returns how many became ready.
PROMOTE = (
    _HEAD
    + """
local due = redis.call('ZRANGEBYSCORE', 'job:queue:delayed', '-inf', now_ms, 'LIMIT', 0,
  ARGV[1])
for _, delayed in ipairs(due) do
  redis.call('ZREM', 'job:queue:delayed', delayed)
  local space = string.find(delayed, ' ', 1, true)
  local id, entry = string.sub(delayed, 1, space - 1), string.sub(delayed, space + 1)
  local line = line_of(id)
  if line then
    redis.call('ZADD', 'job:line:' .. id, 'NX', now_ms, entry)
    redis.call('ZADD', queue_key(line), 'NX', 0, id)
  end
end
return #due
"""
)

# ARGV: line id, entry. Returns what waits before it in its queue: entries of its own line, other
# lines, and entries of those that have waited longer; nothing when it does not wait.
POSITION = (
    _HEAD
    + """
local id, entry = ARGV[1], ARGV[2]
local line = line_of(id)
if not line then return false end
local own = redis.call('ZRANK', 'job:line:' .. id, entry)
if not own then return false end
local score = redis.call('ZSCORE', 'job:line:' .. id, entry)
local before = own
for _, name in ipairs(queues) do
  if name == line.priority then
    for _, other in ipairs(redis.call('ZRANGE', 'job:queue:' .. name, 0, 999)) do
      if other ~= id then
        before = before
          + math.min(own + 1, redis.call('ZCARD', 'job:line:' .. other))
      end
    end
    return {before, score}
  end
  for _, other in ipairs(redis.call('ZRANGE', 'job:queue:' .. name, 0, 999)) do
    before = before + redis.call('ZCARD', 'job:line:' .. other)
  end
end
return {before, score}
"""
)

# Forgets lines that nothing waits in or runs of. ARGV: the ids of lines, as HKEYS gave them.
FORGET_LINES = (
    _HEAD
    + """
local used = {}
for _, id in ipairs(redis.call('HVALS', 'job:running')) do used[id] = true end
for _, delayed in ipairs(redis.call('ZRANGE', 'job:queue:delayed', 0, -1)) do
  used[string.sub(delayed, 1, string.find(delayed, ' ', 1, true) - 1)] = true
end
local forgotten = 0
for i = 1, #ARGV do
  if not used[ARGV[i]] and redis.call('EXISTS', 'job:line:' .. ARGV[i]) == 0 then
    forgotten = forgotten + redis.call('HDEL', 'job:lines', ARGV[i])
  end
end
return forgotten
"""
)
