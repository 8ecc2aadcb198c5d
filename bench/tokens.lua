-- SPDX-License-Identifier: Apache-2.0
-- post.lua with a token of the file TOKENS, one a line, drawn anew for each call.
dofile(os.getenv("top_srcdir") .. "/bench/post.lua")
local requests = {}
local start = init

function init(args)
	start(args)
	for token in io.lines(os.getenv("TOKENS")) do
		wrk.headers["Authorization"] = "Bearer " .. token
		table.insert(requests, wrk.format())
	end
end

function request()
	return requests[math.random(#requests)]
end
