-- SPDX-License-Identifier: Apache-2.0
-- wrk: a tools/call of 1 KB with the token in TOKEN, and a count of answers that are not 200.
local body = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"message":"'
local tail = '"}}}'
wrk.method = "POST"
wrk.body = body .. string.rep("x", 1024 - #body - #tail) .. tail
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Accept"] = "application/json, text/event-stream"
wrk.headers["Authorization"] = "Bearer " .. os.getenv("TOKEN")

local threads = {}

function setup(thread)
	table.insert(threads, thread)
end

function init()
	bad = 0
end

function response(status)
	if status ~= 200 then
		bad = bad + 1
	end
end

function done(summary, latency)
	local bad = 0
	for _, thread in ipairs(threads) do
		bad = bad + thread:get("bad")
	end
	local e = summary.errors
	io.write(string.format("BENCH requests=%d us=%d bad=%d errors=%d p50=%d p99=%d\n", summary.requests, summary.duration,
		bad, e.connect + e.read + e.write + e.timeout, latency:percentile(50), latency:percentile(99)))
end
