-- compatible-from: 0010
--
-- What policies count: requests in sliding windows (rate limits) and calls in periods (quotas), for all
-- programs on all machines. Keys are SHA-256 of the policy's name and of whom it counts: the tables know no
-- addresses and no people. And the events that policies write.

-- A window that slides: N of the window that began at SINCE, BEFORE of the one ahead of it. Nobody waits for
-- the disk, and a crash of the server may forget the windows at hand.
create unlogged table gatehouse.rate (
	rate_key bytea primary key,
	since    timestamptz not null,
	n        bigint not null default 0,
	before   bigint not null default 0,
	gone_at  timestamptz not null           -- when both windows are over
) with (fillfactor = 50);
create index rate_gone on gatehouse.rate (gone_at);

-- An allowance. Periods are counted from ANCHOR_AT, which is the first call or what a function says.
create table gatehouse.quota (
	quota_key bytea primary key,
	anchor_at timestamptz not null,
	starts_at timestamptz not null,         -- of the period at hand
	ends_at   timestamptz not null,
	used      bigint not null default 0 check (used >= 0)
) with (fillfactor = 50);
create index quota_ends on gatehouse.quota (ends_at);

-- What policies record (audit-log-inbound, mcp-tool-pinning-inbound), by day as the other events are.
create table gatehouse.event_policy (
	at              timestamptz not null,
	program         text not null,
	severity        text not null,
	name            text,
	request_id      text,
	operation_id    text,
	upstream_id     text,
	subject_id      text,
	client_id       text,
	client_name     text,
	http_method     text,
	mcp_method      text,
	capability_type text,
	capability_name text,
	outcome         text,
	mcp_status      bigint,
	reason_code     text,
	latency_us      bigint,
	client_ip       text,
	grant_id        text,
	query           text
) partition by range (at);
create index event_policy_at on gatehouse.event_policy using brin (at);
create index event_policy_subject on gatehouse.event_policy (subject_id, at);
