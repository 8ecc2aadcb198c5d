-- compatible-from: 0016
--
-- Events get an id that is the same wherever they are told, what OpenTelemetry wants to know, and a
-- queue by which they are sent on. The functions that add events take more than they did: hence the
-- number above.

alter table gatehouse.event_call
	add column event_id       uuid not null default gen_random_uuid(),
	add column trace_parent   text,                      -- W3C trace context of the caller: of params._meta, else HTTP
	add column trace_link     text,                      -- that of HTTP, where both are there and differ
	add column rpc_id         text,
	add column server_address text,                      -- of the upstream
	add column server_port    bigint,
	add column batch          bigint not null default 0; -- in event_queue
alter table gatehouse.event_auth
	add column event_id       uuid not null default gen_random_uuid(),
	add column batch          bigint not null default 0;
alter table gatehouse.event_policy
	add column event_id       uuid not null default gen_random_uuid(),
	add column batch          bigint not null default 0;
create index event_policy_batch on gatehouse.event_policy (batch);
create index event_call_batch on gatehouse.event_call (batch);
create index event_auth_batch on gatehouse.event_auth (batch);

-- One row per batch of events (of calls and sign-ins, as programs write them; of one audit row), in the
-- order in which destinations get them: by (tx, batch). A transaction with a lower number may commit
-- later than one with a higher: so readers look only at numbers below the oldest transaction that
-- is still open (pg_snapshot_xmin), below which nothing can appear any more. What was rolled
-- back leaves gaps that nobody waits for.
create table gatehouse.event_queue (
	batch    bigint generated always as identity primary key,
	tx       xid8 not null default pg_current_xact_id(),
	family   text not null check (family in ('call', 'auth', 'policy', 'audit', 'anchor')),
	node     text not null default '', -- the machine that wrote it
	audit_id bigint,                   -- family audit: its one row; anchor: the place in the chain
	n        int not null,
	from_at  timestamptz not null,     -- when its events began: where to look for them
	to_at    timestamptz not null,
	at       timestamptz not null default clock_timestamp()
);
create index event_queue_order on gatehouse.event_queue (tx, batch);

do $$
declare
	f regprocedure;
begin
	for f in select p.oid from pg_proc p where p.pronamespace = 'gatehouse'::regnamespace
		and p.proname in ('events_add_call', 'events_add_auth', 'events_add_policy')
	loop
		execute format('drop function %s', f);
	end loop;
end $$;

-- Who gets them, how far each has got, and who is at it: one process of all machines at a time.
create table gatehouse.event_destination (
	name         text primary key,
	tx           xid8 not null,               -- all up to here were taken
	batch        bigint not null default 0,
	holder       uuid,
	lease_until  timestamptz not null default '-infinity',
	spool        bigint not null,             -- how many events may wait
	sent         bigint not null default 0,
	dropped      bigint not null default 0,
	failed       text,                        -- why the last try failed
	failed_since timestamptz,
	seen_at      timestamptz not null default now()
);

-- Events that were lost, and why: here by a destination's spool, elsewhere by a program whose queue was full.
create table gatehouse.event_loss (
	at   timestamptz not null default now(),
	who  text not null,                       -- "mcp at HOST", "destination NAME"
	n    bigint not null,
	why  text not null
);
create index event_loss_at on gatehouse.event_loss (at);

-- Numbers for /metrics: they only grow. Filled from the queue by metrics_step(), whose place in it has the name ''.
insert into gatehouse.event_destination (name, tx, spool) values ('', '0', 0);
create table gatehouse.metric_call (
	node       text not null,
	operation  text not null,
	upstream   text not null,
	capability text not null,                 -- "other" where there are too many
	method     text not null,
	outcome    text not null,
	origin     text not null,
	n          bigint not null,
	sum_us     numeric not null,
	buckets    bigint[] not null,             -- not cumulative; one per edge, and one past the last
	primary key (node, operation, upstream, capability, method, outcome, origin)
);
create table gatehouse.metric_auth (
	node    text not null,
	name    text not null,
	outcome text not null,
	n       bigint not null,
	primary key (node, name, outcome)
);
