-- compatible-from: 0005
--
-- What the pages of operators count: calls summed up, and what is needed to sum them.
--
-- Three tables, each a group of the things that a call has; a question that one of them can answer
-- is not asked of the calls. Each holds three grains: slots of five minutes, hours made of slots, days
-- made of hours. A row is written once, when its time is over (and again where a call came late),
-- by rollup_step(); what is younger than the watermark is read from the calls themselves.
-- Texts are '' where a call has none. `latency` counts calls in the 32 buckets of latency_bucket().

create table gatehouse.rollup_call (
	grain           smallint not null check (grain in (0, 1, 2)), -- slot, hour, day (UTC)
	at              timestamptz not null,
	operation_id    text not null,
	upstream_id     text not null,
	mcp_method      text not null,
	capability_type text not null,
	capability_name text not null,
	outcome         text not null,
	calls           bigint not null,
	latency_us      bigint not null,            -- sums, as the next ones
	gateway_us      bigint not null,
	upstream_us     bigint not null,
	bytes_in        bigint not null,
	bytes_out       bigint not null,
	tokens_in       bigint not null,
	tokens_out      bigint not null,
	latency         int[] not null
);
create index rollup_call_at on gatehouse.rollup_call (grain, at);

create table gatehouse.rollup_side (
	grain           smallint not null check (grain in (0, 1, 2)),
	at              timestamptz not null,
	operation_id    text not null,
	upstream_id     text not null,
	mcp_method      text not null,
	client_name     text not null,
	transport       text not null,
	outcome         text not null,
	failure_origin  text not null,
	reason_code     text not null,
	code            text not null,              -- JSON-RPC
	status          text not null,              -- HTTP
	calls           bigint not null,
	latency_us      bigint not null,
	gateway_us      bigint not null,
	upstream_us     bigint not null,
	bytes_in        bigint not null,
	bytes_out       bigint not null,
	tokens_in       bigint not null,
	tokens_out      bigint not null,
	latency         int[] not null
);
create index rollup_side_at on gatehouse.rollup_side (grain, at);

create table gatehouse.rollup_user (
	grain           smallint not null check (grain in (0, 1, 2)),
	at              timestamptz not null,
	subject_id      text not null,
	client_name     text not null,
	operation_id    text not null,
	upstream_id     text not null,
	outcome         text not null,
	calls           bigint not null,
	latency_us      bigint not null,
	gateway_us      bigint not null,
	upstream_us     bigint not null,
	bytes_in        bigint not null,
	bytes_out       bigint not null,
	tokens_in       bigint not null,
	tokens_out      bigint not null
);
create index rollup_user_at on gatehouse.rollup_user (grain, at);

-- Up to where calls are summed up. One row.
create table gatehouse.rollup_state (
	only_one  boolean primary key default true check (only_one),
	watermark timestamptz not null
);

-- Slots before the watermark in which a call arrived after they were summed up.
create table gatehouse.rollup_late (
	at timestamptz primary key
);

-- Estimated tokens of what a call asked and of what it was answered; null: not counted.
alter table gatehouse.event_call add column tokens_in bigint, add column tokens_out bigint;

-- Tools as their upstreams list them, for what they cost and whether anybody calls them.
create table gatehouse.tool_listed (
	operation_id text not null,
	name         text not null,
	tokens       bigint not null,               -- of its definition, estimated
	first_at     timestamptz not null default now(),
	last_at      timestamptz not null default now(), -- kept to the hour
	primary key (operation_id, name)
);
