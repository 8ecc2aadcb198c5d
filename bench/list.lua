-- SPDX-License-Identifier: Apache-2.0
-- post.lua with a tools/list: an answer to anything else may hold no list.
dofile(os.getenv("top_srcdir") .. "/bench/post.lua")
wrk.body = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'
