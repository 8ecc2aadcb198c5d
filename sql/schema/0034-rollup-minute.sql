-- compatible-from: 0023
--
-- Calls of a minute that differ in nothing that sums tell apart, added up: what rollup_take() makes of a piece of calls in the one time
-- that it reads them. code, status: as the calls have them.
create type gatehouse.rollup_minute as (
	at timestamptz, operation_id text, upstream_id text, mcp_method text, capability_type text, capability_name text,
	transport text, outcome text, failure_origin text, reason_code text, code bigint, status bigint, subject_id text, client_name text,
	calls bigint, latency_us bigint, gateway_us bigint, upstream_us bigint, bytes_in bigint, bytes_out bigint,
	tokens_in bigint, tokens_out bigint, latency numeric
);
