-- Drives wrk from a request table and dumps what it measured as JSON.
--
-- Arguments after the URL: table file, output file, threads, connections, "repeat" or "once",
-- seconds, how many requests of the table to begin after, and the descriptor that takes the signs.
-- The numbers come from done(), not from the printed text, and the latency histogram comes whole:
-- wrk has by then added samples that it never measured (stats_correct in its stats.c), which only
-- the whole histogram lets one take out again.

local has_ffi, ffi = pcall(require, "ffi")
if has_ffi then
   ffi.cdef([[
      typedef struct { long seconds, nanoseconds; } ormlab_time;
      int clock_gettime(int clock, ormlab_time *now);
      int usleep(unsigned int microseconds);
      long write(int file, const void *data, size_t length);
   ]])
end

-- Whoever started wrk can read a byte at each end of what is measured: where a descriptor is given,
-- each thread writes the first sign when it has its first answer, and done() the last one.

local FIRST, LAST = "a", "z"

local function sign(descriptor, what)
   if descriptor and has_ffi then
      ffi.C.write(descriptor, what, #what)
   end
end

-- The main state: setup() and done() run here, init() and request() in each thread's own state.

local threads = {}
local shared_end = has_ffi and ffi.new("double[1]") -- 0 until the last thread has its requests

function setup(thread)
   thread:set("index", #threads)
   if shared_end then
      thread:set("end_address", tonumber(ffi.cast("intptr_t", shared_end)))
   end
   threads[#threads + 1] = thread
end

-- A thread: request() exists only where the table has more than one request, because its mere
-- existence makes wrk call into Lua for every request.

-- Method, path, body, and the columns of the request's own headers.
local function split(line)
   return line:match("^([^\t]*)\t([^\t]*)\t([^\t]*)\t[^\t]*\t?[^\t]*(.*)$")
end

-- The headers of a request: its own, and the type of a body; nil for none.
local function headers_of(own, body)
   if own == "" and body == "" then
      return nil
   end
   local headers, typed = {}, body == ""
   for name, value in own:gmatch("\t([^\t:]+): ([^\t]*)") do
      headers[name] = value
      typed = typed or name:lower() == "content-type"
   end
   if not typed then
      headers["Content-Type"] = "application/json"
   end
   return headers
end

local function shard_of(path, first, step)
   local rows, number = {}, 0
   for line in assert(io.open(path, "rb")):lines() do
      if number % step == first then
         local method, target, body, own = split(line)
         local headers = headers_of(own, body)
         rows[#rows + 1] = wrk.format(method, target, headers, body ~= "" and body or nil)
      end
      number = number + 1
   end
   return rows, number
end

local function only_row(path)
   local lines = assert(io.open(path, "rb")):lines()
   local line = lines()
   return not lines() and line or nil
end

-- One window for all threads. Left alone, the first send requests while the shards of the others
-- are still read, which is before wrk starts its clock; and each looks only every 100 ms whether it
-- is to stop, while the clock runs on until the last has. In a window of two seconds either is
-- several percent. So they begin together, and end when the duration is over.

local now = has_ffi and ffi.new("ormlab_time")
local PRECISE, COARSE = 1, 6 -- CLOCK_MONOTONIC, and what is cheap: one tick for all threads

local function time(clock)
   ffi.C.clock_gettime(clock, now)
   return tonumber(now.seconds) + tonumber(now.nanoseconds) * 1e-9
end

local function instant()
   if not has_ffi then
      return nil
   end
   ffi.C.clock_gettime(PRECISE, now)
   return tonumber(now.seconds) * 1e9 + tonumber(now.nanoseconds) -- exact for 104 days
end

local function await_the_others()
   local shared = ffi.cast("double *", end_address)
   while shared[0] == 0 do
      ffi.C.usleep(100)
   end
   return shared[0]
end

local function serve(rows, repeatable, skipped)
   local position, last = skipped % math.max(1, #rows), #rows
   local window_end
   local function following()
      if window_end and time(COARSE) >= window_end then
         wrk.thread:stop()
      end
      position = position + 1
      if position > last then
         if repeatable then
            position = 1
         else
            exhausted = true
            wrk.thread:stop()
            return wrk.format("GET")
         end
      end
      return rows[position]
   end
   -- Every connection asks for a request once it is open; who asks again has had an answer.
   local awaited = math.floor(connections / threads_started)
   local function opening()
      awaited = awaited - 1
      if awaited < 0 then
         first_answer = instant()
         sign(signs, FIRST)
         request = following
      end
      return following()
   end
   local function first()
      if not end_address then
         request = following
         return following()
      end
      window_end = await_the_others()
      request = opening
      return opening()
   end
   if index > 0 then
      return first
   end
   -- wrk asks the first thread for one request that it only parses and never sends.
   return function()
      request = first
      return rows[1] or wrk.format("GET")
   end
end

function init(arguments)
   local path = arguments[1]
   threads_started = tonumber(arguments[3])
   out, connections = arguments[2], tonumber(arguments[4])
   signs = tonumber(arguments[8])
   exhausted = false
   local repeatable = arguments[5] == "repeat"
   -- Without request() nobody learns of the first answer.
   local only = repeatable and not signs and only_row(path)
   if only then
      local body, own
      wrk.method, wrk.path, body, own = split(only)
      for name, value in pairs(headers_of(own, body) or {}) do
         wrk.headers[name] = value
      end
      if body ~= "" then
         wrk.body = body
      end
      begun = instant()
      return
   end
   local first = index
   local rows, all = shard_of(path, first, threads_started)
   if repeatable and #rows == 0 then
      rows = shard_of(path, first % all, all)
   end
   local skipped = math.floor(tonumber(arguments[7] or 0) / threads_started)
   request = serve(rows, repeatable, skipped)
   begun = instant()
   if end_address and index == threads_started - 1 then
      -- By the precise clock, which the coarse one follows: wrk's own clock does not stop earlier.
      ffi.cast("double *", end_address)[0] = time(PRECISE) + tonumber(arguments[6])
   end
end

-- The report.

local function bins_by_ffi(latency)
   -- wrk's own struct, read in one pass. latency(i) scans from the minimum at every call, which
   -- takes minutes on a histogram that spans seconds. The layout is that of wrk 4.0 to 4.2; it is
   -- believed only if it shows the minimum and maximum that wrk itself tells, and samples there.
   if not has_ffi or #latency == 0 then
      return nil
   end
   ffi.cdef("typedef struct { uint64_t count, limit, min, max, data[]; } ormlab_stats;")
   local stats = ffi.cast("ormlab_stats **", latency)[0]
   local low, high = tonumber(stats.min), tonumber(stats.max)
   if low ~= latency.min or high ~= latency.max or high >= tonumber(stats.limit) then
      return nil
   end
   if stats.data[low] == 0 or stats.data[high] == 0 then
      return nil
   end
   local bins = {}
   for value = low, high do
      local count = tonumber(stats.data[value])
      if count > 0 then
         bins[#bins + 1] = string.format("[%d,%d]", value, count)
      end
   end
   return bins
end

local function bins_by_call(latency)
   local bins = {}
   for position = 1, #latency do
      bins[position] = string.format("[%d,%d]", latency(position))
   end
   return bins
end

function done(summary, latency, requests)
   sign(threads[1]:get("signs"), LAST)
   local path = threads[1]:get("out")
   local connections = threads[1]:get("connections")
   local ran_out, begun, first_answer = false, threads[#threads]:get("begun"), nil
   for _, thread in ipairs(threads) do
      ran_out = ran_out or thread:get("exhausted")
      local at = thread:get("first_answer")
      if at and (not first_answer or at < first_answer) then
         first_answer = at
      end
   end
   local function integer(value)
      return value and string.format("%.0f", value) or "null"
   end
   local errors = summary.errors
   local bins = bins_by_ffi(latency) or bins_by_call(latency)
   local file = assert(io.open(path .. ".tmp", "wb"))
   file:write(
      '{"schema":"wrk/1",',
      string.format('"threads":%d,"connections":%d,', #threads, connections),
      string.format('"connections_opened":%d,', #threads * math.floor(connections / #threads)),
      string.format('"requests":%d,"duration_us":%d,', summary.requests, summary.duration),
      string.format('"begun_ns":%s,"first_answer_ns":%s,', integer(begun), integer(first_answer)),
      string.format('"bytes":%d,"table_exhausted":%s,', summary.bytes, tostring(ran_out)),
      string.format('"errors":{"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d},',
         errors.connect, errors.read, errors.write, errors.status, errors.timeout),
      '"latency_us":[', table.concat(bins, ","), "]}\n"
   )
   file:close()
   assert(os.rename(path .. ".tmp", path))
end
