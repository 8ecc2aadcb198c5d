-- Pinned tools: see sql/fn/tool-pin.sql.

-- name: tool_pins :many
-- for: mcp
-- $1 text  operation_id
select learned, tool, approved_hash, seen_hash from gatehouse.tool_pins($1);

-- name: tool_seen :many
-- for: mcp
-- $1 text  operation_id
-- $2 text[]  tools
-- $3 bytea[]  the hashes of their definitions
-- $4 text[]  the definitions
-- $5 bool  whether a first list is trusted
-- $6 bool  whether the list ends with these
select tool, state, is_news from gatehouse.tool_seen($1, $2, $3, $4, $5, $6);

-- name: tool_list :many
-- for: admin
-- $1 text  operation_id
select tool, state, approved_at, approved_by, seen_at, mark, was, now from gatehouse.tool_list($1);

-- name: tool_approve :many
-- for: admin
-- $1 text  operation_id
-- $2 text[]  tools; null: all that wait
-- $3 timestamptz  only what has been so since then; null: all
-- $4 text  who did it
-- $5 text  mark of the run
select tool, outcome from gatehouse.tool_approve($1, $2, $3, $4, $5);
