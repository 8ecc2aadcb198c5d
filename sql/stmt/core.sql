-- name: schema_range :one
-- for: oauth consent connect mcp console admin
select newest, compatible_from from gatehouse.schema_range();
