import { createHash } from 'node:crypto';
import { FORMAT_FIELD, OFFSET_FIELD } from './keys.js';

/** A Lua script, which Redis runs as one step. */
export interface RedisScript {
  readonly lua: string;
  readonly sha: string;
}

function script(lua: string): RedisScript {
  return { lua, sha: createHash('sha1').update(lua).digest('hex') };
}

/**
 * KEYS: owner, state. ARGV: our format, by how much the epoch rises. Gives [epoch, ''], or ['', the format that is stored] when that is newer: a newer
 * Sonde stays the owner then. Allowed where memory has run out, because a partition must have an owner to be served at all.
 */
export const CLAIM = script(`#!lua flags=allow-oom
local format = redis.call('HGET', KEYS[2], '${FORMAT_FIELD}')
if format and tonumber(format) > tonumber(ARGV[1]) then
  return {'', format}
end
redis.call('INCRBY', KEYS[1], ARGV[2])
return {redis.call('GET', KEYS[1]), ''}
`);

/**
 * KEYS: owner, state. ARGV: epoch, offset, format, how many fields to remove, these fields, then field and bytes of each
 * section to put. Gives '' when it has written. Running it again changes nothing. Where memory has run out, Redis refuses it
 * before it begins. Offsets are compared as text, because a number of Lua is exact only to 2^53.
 */
export const STORE = script(`#!lua
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 'another owner'
end
local stored = redis.call('HGET', KEYS[2], '${OFFSET_FIELD}')
local offset = ARGV[2]
if stored and (#stored > #offset or (#stored == #offset and stored > offset)) then
  return 'later stored'
end
redis.call('HSET', KEYS[2], '${OFFSET_FIELD}', offset, '${FORMAT_FIELD}', ARGV[3])
local put = 5 + tonumber(ARGV[4])
for i = 5, put - 1 do
  redis.call('HDEL', KEYS[2], ARGV[i])
end
for i = put, #ARGV, 2 do
  redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
end
return ''
`);
