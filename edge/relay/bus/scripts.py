"""What Redis does in one step. A device is a hash that runs out; an epoch is Redis' time in ms, or one more.

A device's watchers are a sorted set of nodes by the time until which they watch.
"""

from __future__ import annotations

PREFIX = "edge-voice:"
DEVICE, WATCH, NODE, ALL = f"{PREFIX}device:", f"{PREFIX}watch:", f"{PREFIX}node:", f"{PREFIX}all"

_NOW = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
"""
_REPLACED = """
redis.call('PUBLISH', ARGV[1] .. old[1],
  cjson.encode({t = 'replaced', device = ARGV[3], epoch = string.format('%.0f', epoch)}))
"""

# KEYS: device, watch. ARGV: channel prefix, node, device, about, ms. Returns the epoch, and who watches.
CLAIM = (
    _NOW
    + """
local old = redis.call('HMGET', KEYS[1], 'node', 'epoch')
local epoch = now
if old[2] and tonumber(old[2]) >= epoch then epoch = tonumber(old[2]) + 1 end
redis.call('HSET', KEYS[1], 'node', ARGV[2], 'epoch', string.format('%.0f', epoch), 'about', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
if old[1] and old[1] ~= ARGV[2] then
"""
    + _REPLACED
    + """
end
return {string.format('%.0f', epoch), redis.call('ZRANGEBYSCORE', KEYS[2], now, '+inf')}
"""
)

# KEYS: device. ARGV: channel prefix, node, device, about, ms, epoch. 0 when a newer link has it; else it is ours.
KEEP = (
    """
local old = redis.call('HMGET', KEYS[1], 'node', 'epoch')
local epoch = tonumber(ARGV[6])
if old[2] and (tonumber(old[2]) > epoch or (tonumber(old[2]) == epoch and old[1] > ARGV[2])) then return 0 end
redis.call('HSET', KEYS[1], 'node', ARGV[2], 'epoch', ARGV[6], 'about', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
if old[1] and old[1] ~= ARGV[2] then
"""
    + _REPLACED
    + """
end
return 1
"""
)

# KEYS: device. ARGV: node, epoch.
RELEASE = """
local old = redis.call('HMGET', KEYS[1], 'node', 'epoch')
if old[1] == ARGV[1] and tonumber(old[2]) <= tonumber(ARGV[2]) then redis.call('DEL', KEYS[1]) end
"""

# KEYS: device, watch. ARGV: channel prefix, node, device, ms (0 to end it). Whoever has the device is told.
WATCHES = (
    _NOW
    + """
if tonumber(ARGV[4]) > 0 then
  redis.call('ZADD', KEYS[2], now + ARGV[4], ARGV[2])
  redis.call('PEXPIRE', KEYS[2], ARGV[4])
else
  redis.call('ZREM', KEYS[2], ARGV[2])
end
local owner = redis.call('HGET', KEYS[1], 'node')
if owner and owner ~= ARGV[2] then
  redis.call('PUBLISH', ARGV[1] .. owner,
    cjson.encode({t = 'watch', device = ARGV[3], node = ARGV[2], ms = tonumber(ARGV[4])}))
end
"""
)
