-- Events on their way out: see sql/schema/0016-event-queue.sql. A page is made of pieces (src/event/packed.h): whole batches
-- as their program left them, or a row made into one. What the fields of a family are is said here once, in the order
-- of src/event/record.c.

-- The number of the layout that the functions below make: PACKED_LAYOUT in src/event/packed.h.
-- for: nobody
create or replace function gatehouse.event_layout() returns int
language sql immutable parallel safe as $$ select 1 $$;

-- for: nobody
create or replace function gatehouse.event_field(p text) returns text
language sql immutable parallel safe as $$
	select case when p is null then '' when p = '' then e'\x1c'
		when p ~ e'[\x1b-\x1f]' then replace(replace(replace(replace(replace(p, e'\x1b', e'\x1b['), e'\x1c', e'\x1b\\'),
			e'\x1d', e'\x1b]'), e'\x1e', e'\x1b^'), e'\x1f', e'\x1b_')
		else p end
$$;

-- One event as a piece of its own.
-- for: nobody
create or replace function gatehouse.event_piece(p_at timestamptz, p_fields text[]) returns text
language sql immutable parallel safe as $$
	select (extract(epoch from p_at) * 1000000)::bigint || e'\x1f' || case
		when '' = any(p_fields) or array_to_string(p_fields, '') ~ e'[\x1b-\x1f]' then -- few have anything to be escaped
			(select string_agg(gatehouse.event_field(f), e'\x1f' order by n) from unnest(p_fields) with ordinality u (f, n))
		else array_to_string(p_fields, e'\x1f', '') end || e'\x1e'
$$;

-- for: nobody
create or replace function gatehouse.event_call_fields(e gatehouse.event_call) returns text[]
language sql immutable parallel safe as $$
	select array[e.severity, e.request_id, e.operation_id, e.upstream_id, e.subject_id, e.client_id, e.client_name,
		e.auth_profile_id, e.upstream_auth_mode, e.http_method, e.transport, e.mcp_method, e.capability_type,
		e.capability_name, e.outcome, e.failure_origin, e.mcp_status::text, e.jsonrpc_error_code::text, e.error_type,
		e.reason_code, e.latency_us::text, e.gateway_us::text, e.upstream_us::text, e.bytes_in::text,
		e.bytes_out::text, e.client_ip, e.protocol_version, e.session_digest, e.grant_id, e.err_name, e.err_message,
		e.cause_message, e.event_id::text, e.trace_parent, e.trace_link, e.rpc_id, e.server_address,
		e.server_port::text, e.tokens_in::text, e.tokens_out::text, e.arguments, e.result]
$$;

-- for: nobody
create or replace function gatehouse.event_auth_fields(e gatehouse.event_auth) returns text[]
language sql immutable parallel safe as $$
	select array[e.severity, e.name, e.request_id, e.operation_id, e.upstream_id, e.subject_id, e.client_id,
		e.client_name, e.auth_profile_id, e.upstream_auth_mode, e.http_method, e.outcome, e.failure_origin,
		e.mcp_status::text, e.error_type, e.reason_code, e.latency_us::text, e.client_ip, e.redirect_host,
		e.grant_id, e.err_name, e.err_message, e.cause_message, e.event_id::text]
$$;

-- for: nobody
create or replace function gatehouse.event_policy_fields(e gatehouse.event_policy) returns text[]
language sql immutable parallel safe as $$
	select array[e.severity, e.name, e.request_id, e.operation_id, e.upstream_id, e.subject_id, e.client_id,
		e.client_name, e.http_method, e.mcp_method, e.capability_type, e.capability_name, e.outcome,
		e.mcp_status::text, e.reason_code, e.latency_us::text, e.client_ip, e.query, e.grant_id, e.event_id::text,
		e.policy, e.action, e.finds, e.matches::text]
$$;

-- for: nobody
create or replace function gatehouse.event_audit_fields(e gatehouse.audit) returns text[]
language sql immutable parallel safe as $$
	select array['info', e.action, e.request_id, e.actor, e.client_id, e.event_id::text, e.object, e.detail::text]
$$;

-- The events of a batch that came without a piece, in the order in which they began. Like audit_time() it becomes a part of
-- who asks.
-- for: nobody
create or replace function gatehouse.event_page(q gatehouse.event_queue)
returns table (program text, body text)
language sql stable as $$
	(select e.program, gatehouse.event_piece(e.at, gatehouse.event_call_fields(e)) from gatehouse.event_call e
		where q.family = 'call' and e.batch = q.batch and e.at between q.from_at and q.to_at order by e.at, e.event_id)
	union all
	(select e.program, gatehouse.event_piece(e.at, gatehouse.event_auth_fields(e)) from gatehouse.event_auth e
		where q.family = 'auth' and e.batch = q.batch and e.at between q.from_at and q.to_at order by e.at, e.event_id)
	union all
	(select e.program, gatehouse.event_piece(e.at, gatehouse.event_policy_fields(e)) from gatehouse.event_policy e
		where q.family = 'policy' and e.batch = q.batch and e.at between q.from_at and q.to_at order by e.at, e.event_id)
	union all
	(select e.program, gatehouse.event_piece(e.at, gatehouse.event_audit_fields(e)) from gatehouse.audit e
		where q.family = 'audit' and e.audit_id = q.audit_id)
	union all
	(select 'consent', gatehouse.event_piece(e.sealed_at, array['info', 'audit_anchor', null, null, null, md5(e.mac)::uuid::text,
			'audit', jsonb_build_object('anchor', e.seal_no || ':' || encode(e.mac, 'hex'))::text])
		from gatehouse.audit_seal e where q.family = 'anchor' and e.seal_no = q.audit_id)
$$;

-- What comes after (P_TX, P_BATCH), of these families, about P_LIMIT events, and always whole batches; last a
-- row of family '' that says how far it goes, and as node and program behind what. No row: there is nothing new.
-- for: nobody
create or replace function gatehouse.event_pages(p_tx xid8, p_batch bigint, p_families text[], p_limit int)
returns table (layout int, tx text, batch bigint, family text, node text, program text, body text)
language plpgsql stable set search_path = gatehouse, pg_temp set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
	q event_queue;
	v_n int := 0;
	v_horizon xid8 := pg_snapshot_xmin(pg_current_snapshot());
begin
	for q in select u.* from event_queue u
		where (u.tx, u.batch) > (p_tx, p_batch) and u.tx < v_horizon
		order by u.tx, u.batch limit 2000
	loop
		if q.family = any(p_families) then
			if q.layout = event_layout() then
				return query select q.layout, q.tx::text, q.batch, q.family, q.node, q.program, q.body;
			else
				return query select event_layout(), q.tx::text, q.batch, q.family, q.node, p.program, p.body from event_page(q) p;
			end if;
			v_n := v_n + q.n;
		end if;
		exit when v_n >= p_limit;
	end loop;
	if q.batch is not null then
		return query select event_layout(), q.tx::text, q.batch, '', p_tx::text, p_batch::text, null::text;
	end if;
end $$;

-- What a destination gets next, for its holder: P_HOLDER becomes it if nobody is. A destination that is
-- new begins with what comes from now on. Programs of before forward_next() call it, which may run beside newer ones for a while.
-- for: consent admin
create or replace function gatehouse.forward_read(p_name text, p_holder uuid, p_spool bigint, p_families text[],
	p_limit int)
returns table (layout int, tx text, batch bigint, family text, node text, program text, body text)
language plpgsql security definer set search_path = gatehouse, pg_temp as $$
#variable_conflict use_column
declare
	d event_destination;
begin
	select * into d from event_destination e where e.name = p_name;
	if not found then
		insert into event_destination (name, tx, spool)
		values (p_name, pg_snapshot_xmin(pg_current_snapshot()), p_spool)
		on conflict do nothing;
		return;
	end if;
	if d.holder is distinct from p_holder or d.lease_until < now() + interval '15 seconds'
	or d.spool <> p_spool then
		update event_destination e
		set holder = p_holder, lease_until = now() + interval '30 seconds', spool = p_spool, seen_at = now()
		where e.name = p_name and (e.holder = p_holder or e.lease_until < now());
		if not found then
			return;
		end if;
	end if;
	return query select * from event_pages(d.tx, d.batch, p_families, p_limit);
end $$;

-- Whether all up to (P_TX, P_BATCH) counts as taken: not, if another has become the holder. P_SENT of them
-- were, P_REFUSED the destination does not want.
-- for: consent admin
create or replace function gatehouse.forward_done(p_name text, p_holder uuid, p_tx text, p_batch bigint,
	p_sent int, p_refused int) returns boolean
language plpgsql security definer set search_path = gatehouse, pg_temp as $$
begin
	perform set_config('synchronous_commit', 'off', true); -- after a crash of the server some are sent again
	update event_destination e
	set tx = p_tx::xid8, batch = p_batch, sent = e.sent + p_sent, dropped = e.dropped + p_refused,
		failed = null, failed_since = null, lease_until = now() + interval '30 seconds', seen_at = now()
	where e.name = p_name and e.holder = p_holder and (e.tx, e.batch) < (p_tx::xid8, p_batch);
	if not found then
		return false;
	end if;
	if p_refused > 0 then
		insert into event_loss (who, n, why)
		values ('destination ' || p_name, p_refused, 'refused by the destination');
	end if;
	return true;
end $$;

-- What comes next, when what came before was taken up to (P_TX, P_BATCH): both in one go (P_TX null: nothing was). If another has become the
-- holder it is forward_read()'s to say so.
-- for: consent admin
create or replace function gatehouse.forward_next(p_name text, p_holder uuid, p_spool bigint, p_families text[], p_limit int,
	p_tx text, p_batch bigint, p_sent int, p_refused int)
returns table (layout int, tx text, batch bigint, family text, node text, program text, body text)
language plpgsql security definer set search_path = gatehouse, pg_temp as $$
#variable_conflict use_column
begin
	if p_tx is not null then
		perform forward_done(p_name, p_holder, p_tx, p_batch, p_sent, p_refused);
	end if;
	return query select * from forward_read(p_name, p_holder, p_spool, p_families, p_limit);
end $$;

-- A try failed; the holder stays the holder until it tries again, in P_MS: a destination that asks to be left alone is, by others too.
-- for: consent admin
create or replace function gatehouse.forward_failed(p_name text, p_holder uuid, p_why text, p_ms bigint default 0) returns void
language plpgsql security definer set search_path = gatehouse, pg_temp as $$
begin
	update event_destination e set failed = p_why, failed_since = coalesce(e.failed_since, now()),
		lease_until = now() + interval '30 seconds' + least(p_ms, 3600000) * interval '1 millisecond', seen_at = now()
	where e.name = p_name and e.holder = p_holder;
end $$;

-- The holder stops: another may begin at once.
-- for: consent admin
create or replace function gatehouse.forward_release(p_holder uuid) returns void
language plpgsql security definer set search_path = gatehouse, pg_temp as $$
begin
	update event_destination e set holder = null, lease_until = '-infinity'
	where e.name > '' and e.holder = p_holder;
end $$;

-- How each destination is doing.
-- for: admin
create or replace function gatehouse.forward_list()
returns table (name text, sent bigint, dropped bigint, waiting bigint, failed text, failed_since text,
	seen_at text)
language plpgsql stable security definer set search_path = gatehouse, pg_temp as $$
#variable_conflict use_column
begin
	return query
	select d.name, d.sent, d.dropped, (select coalesce(sum(q.n), 0)::bigint from event_queue q
		where (q.tx, q.batch) > (d.tx, d.batch)), d.failed, utc_text(d.failed_since), utc_text(d.seen_at)
	from event_destination d where d.name > '' order by d.name;
end $$;

-- A destination that was taken out of the project: what waits for it goes.
-- for: admin
create or replace function gatehouse.forward_forget(p_name text) returns boolean
language plpgsql security definer set search_path = gatehouse, pg_temp as $$
begin
	delete from event_destination d where d.name = p_name and p_name <> '';
	return found;
end $$;

-- What comes after (P_TX, P_BATCH), for whoever only looks. P_TX null: where the end is now.
-- for: admin
create or replace function gatehouse.events_follow(p_tx text, p_batch bigint, p_families text[], p_limit int)
returns table (layout int, tx text, batch bigint, family text, node text, program text, body text)
language plpgsql stable security definer set search_path = gatehouse, pg_temp as $$
#variable_conflict use_column
begin
	if p_tx is null then
		return query select event_layout(), pg_snapshot_xmin(pg_current_snapshot())::text, 0::bigint, '', null::text, null::text, null::text;
	else
		return query select * from event_pages(p_tx::xid8, p_batch, p_families, p_limit);
	end if;
end $$;

-- The events of one family that began from P_FROM on and before P_TO, by time, after (P_AT, P_ID).
-- for: admin
create or replace function gatehouse.events_between(p_family text, p_at text, p_id uuid, p_to timestamptz, p_limit int)
returns table (layout int, tx text, batch bigint, family text, node text, program text, body text)
language plpgsql stable security definer set search_path = gatehouse, pg_temp as $$
#variable_conflict use_column
begin
	if p_family = 'call' then
		return query select event_layout(), '', e.batch, p_family, '', e.program, event_piece(e.at, event_call_fields(e)) from event_call e
		where e.at >= p_at::timestamptz and e.at < p_to and (e.at, e.event_id) > (p_at::timestamptz, p_id)
		order by e.at, e.event_id limit p_limit;
	elsif p_family = 'auth' then
		return query select event_layout(), '', e.batch, p_family, '', e.program, event_piece(e.at, event_auth_fields(e)) from event_auth e
		where e.at >= p_at::timestamptz and e.at < p_to and (e.at, e.event_id) > (p_at::timestamptz, p_id)
		order by e.at, e.event_id limit p_limit;
	elsif p_family = 'policy' then
		return query select event_layout(), '', e.batch, p_family, '', e.program, event_piece(e.at, event_policy_fields(e)) from event_policy e
		where e.at >= p_at::timestamptz and e.at < p_to and (e.at, e.event_id) > (p_at::timestamptz, p_id)
		order by e.at, e.event_id limit p_limit;
	elsif p_family = 'audit' then
		return query select event_layout(), '', 0::bigint, p_family, '', e.program, event_piece(e.at, event_audit_fields(e)) from audit e
		where e.at >= p_at::timestamptz and e.at < p_to and (e.at, e.event_id) > (p_at::timestamptz, p_id)
		order by e.at, e.event_id limit p_limit;
	end if;
end $$;

-- What called tools say that they do: one element of each array is a tool.
-- for: consent admin
create or replace function gatehouse.tools_do(p_operations text[], p_names text[])
returns table (operation text, name text, does text)
language plpgsql stable security definer set search_path = gatehouse, pg_temp as $$
#variable_conflict use_column
begin
	return query select l.operation_id, l.name, l.does
	from unnest(p_operations, p_names) u (o, n) join tool_listed l on l.operation_id = u.o and l.name = u.n
	where l.does is not null;
end $$;

-- Events that a program had to drop.
-- for: oauth consent connect mcp console
create or replace function gatehouse.event_lost(p_who text, p_n bigint, p_why text) returns void
language plpgsql security definer set search_path = gatehouse, pg_temp as $$
begin
	insert into event_loss (who, n, why) values (p_who, p_n, p_why);
end $$;

-- Once a minute: what waits for a destination past its spool is dropped, oldest first; what everybody has,
-- or nobody wants, leaves the queue.
-- for: nobody
create or replace function gatehouse.event_queue_step() returns void
language plpgsql security definer set search_path = gatehouse, pg_temp as $$
declare
	d event_destination;
	q record;
	v_over bigint;
	v_dropped bigint;
	v_tx xid8;
	v_batch bigint;
begin
	delete from event_destination e where e.seen_at < now() - interval '30 days' and e.name > '';
	for d in select * from event_destination e where e.name > '' loop
		select coalesce(sum(u.n), 0) - d.spool into v_over from event_queue u
		where (u.tx, u.batch) > (d.tx, d.batch);
		continue when v_over <= 0;
		v_dropped := 0;
		for q in select u.tx, u.batch, u.n from event_queue u
			where (u.tx, u.batch) > (d.tx, d.batch) and u.tx < pg_snapshot_xmin(pg_current_snapshot())
			order by u.tx, u.batch
		loop
			exit when v_dropped >= v_over;
			v_dropped := v_dropped + q.n;
			v_tx := q.tx;
			v_batch := q.batch;
		end loop;
		continue when v_dropped = 0;
		update event_destination e set tx = v_tx, batch = v_batch, dropped = e.dropped + v_dropped
		where e.name = d.name and (e.tx, e.batch) = (d.tx, d.batch);
		if found then
			insert into event_loss (who, n, why)
			values ('destination ' || d.name, v_dropped, 'more waited than its spool holds');
		end if;
	end loop;

	select e.tx, e.batch into v_tx, v_batch
	from (select u.tx, u.batch from event_destination u union all select c.tx, c.batch from rollup_cursor c) e
	order by e.tx, e.batch limit 1;
	delete from event_queue u where u.batch in (
		select w.batch from event_queue w
		where (w.tx, w.batch) <= (v_tx, v_batch) and w.at < now() - interval '5 minutes'
		order by w.tx, w.batch limit 20000);
	delete from event_loss l where l.at < now() - interval '90 days';
end $$;

-- Adds what is new to the numbers of /metrics: P_BATCHES at most. The numbers have a place in the queue like a
-- destination, under the name ''.
-- for: consent admin
create or replace function gatehouse.metrics_step(p_batches int) returns void
language plpgsql security definer set search_path = gatehouse, pg_temp as $$
declare
	d event_destination;
	v_tx xid8;
	v_batch bigint;
	v_calls bigint[];
	v_auths bigint[];
	v_from timestamptz;
	v_to timestamptz;
begin
	if not pg_try_advisory_xact_lock(7449359170164355441) then
		return;
	end if;
	select * into d from event_destination e where e.name = '';
	with w as (
		select u.* from event_queue u
		where (u.tx, u.batch) > (d.tx, d.batch) and u.tx < pg_snapshot_xmin(pg_current_snapshot())
		order by u.tx, u.batch limit p_batches)
	select (array_agg(w.tx order by w.tx desc, w.batch desc))[1],
		(array_agg(w.batch order by w.tx desc, w.batch desc))[1],
		array_agg(w.batch) filter (where w.family = 'call'),
		array_agg(w.batch) filter (where w.family = 'auth'),
		min(w.from_at) filter (where w.family in ('call', 'auth')),
		max(w.to_at) filter (where w.family in ('call', 'auth'))
	into v_tx, v_batch, v_calls, v_auths, v_from, v_to from w;
	if v_tx is null then
		return;
	end if;
	perform metrics_add(v_calls, v_auths, v_from, v_to);
	update event_destination e set tx = v_tx, batch = v_batch, seen_at = now() where e.name = '';
end $$;

-- The place of a time in the histograms, from 1: the edges are those that are recommended for these metrics
-- (OpenTelemetry, MCP), so that all that we show agrees.
-- for: nobody
create or replace function gatehouse.metric_bucket(p_us bigint) returns int
language sql immutable parallel safe as $$
	select width_bucket(greatest(p_us, 1) - 1, array[0, 10000, 20000, 50000, 100000, 200000, 500000, 1000000, 2000000, 5000000,
		10000000, 30000000, 60000000, 120000000, 300000000]::bigint[]);
$$;

-- A histogram with more in some of its buckets.
-- for: nobody
create or replace function gatehouse.metric_buckets(p_buckets bigint[], p_which int[], p_n bigint[]) returns bigint[]
language plpgsql immutable as $$
begin
	for i in 1 .. cardinality(p_which) loop
		p_buckets[p_which[i]] := p_buckets[p_which[i]] + p_n[i];
	end loop;
	return p_buckets;
end $$;

-- (Hashing: nine texts of thousands of calls are dear to sort, and the planner takes them for ten. To plan for the tables of nine days takes
-- longer than to count a minute's calls.)
-- for: nobody
create or replace function gatehouse.metrics_add(p_calls bigint[], p_auths bigint[], p_from timestamptz,
	p_to timestamptz) returns void
language plpgsql security definer set search_path = gatehouse, pg_temp set enable_sort = off set plan_cache_mode = force_generic_plan as $$
declare
	-- names that are shown by themselves; all others are "other": whoever calls makes names up
	v_known text[] := array(select distinct m.capability from metric_call m limit 300);
	-- of MCP: likewise
	v_methods constant text[] := array['', 'initialize', 'ping', 'server/discover', 'subscriptions/listen',
		'tools/list', 'tools/call', 'prompts/list', 'prompts/get', 'resources/list', 'resources/templates/list',
		'resources/read', 'resources/subscribe', 'resources/unsubscribe', 'completion/complete', 'logging/setLevel',
		'roots/list', 'sampling/createMessage', 'elicitation/create', 'tasks/list', 'tasks/get', 'tasks/update',
		'tasks/result', 'tasks/cancel', 'notifications/initialized', 'notifications/cancelled',
		'notifications/progress', 'notifications/message', 'notifications/roots/list_changed',
		'notifications/tasks/status', 'notifications/elicitation/complete'];
	r record;
begin
	for r in
		select node, operation, upstream, capability, named, method, outcome, origin, sum(n)::bigint as n, sum(us) as us,
			array_agg(bucket) as buckets, array_agg(b.n) as counts
		from (
			select q.node, coalesce(e.operation_id, '') as operation, coalesce(e.upstream_id, '') as upstream,
				case when e.outcome = 'success' or e.outcome = 'application_error'
					then coalesce(left(e.capability_name, 100), '') else '' end as capability,
				e.capability_name is not null as named,
				coalesce(e.mcp_method, '') as method, coalesce(e.outcome, '') as outcome,
				coalesce(e.failure_origin, '') as origin, metric_bucket(coalesce(e.latency_us, 0)) as bucket,
				count(*) as n, sum(coalesce(e.latency_us, 0)) as us
			from event_call e join event_queue q on q.batch = e.batch
			where e.batch = any(p_calls) and e.at between p_from and p_to
			group by 1, 2, 3, 4, 5, 6, 7, 8, 9) b
		group by 1, 2, 3, 4, 5, 6, 7, 8
	loop
		if r.capability <> all(v_known) then
			-- a tool that always fails is worth its name; but upstreams answer so, too, for one that does not exist
			if cardinality(v_known) >= (case when r.outcome = 'success' then 300 else 100 end) then
				r.capability := 'other';
			else
				v_known := v_known || r.capability;
			end if;
		elsif r.capability = '' and r.named then
			r.capability := 'other';
		end if;
		if r.method <> all(v_methods) then
			r.method := 'other';
		end if;
		insert into metric_call (node, operation, upstream, capability, method, outcome, origin, n, sum_us, buckets)
		values (r.node, r.operation, r.upstream, r.capability, r.method, r.outcome, r.origin, r.n, r.us,
			metric_buckets(array_fill(0::bigint, array[15]), r.buckets, r.counts))
		on conflict (node, operation, upstream, capability, method, outcome, origin) do update
		set n = metric_call.n + excluded.n, sum_us = metric_call.sum_us + excluded.sum_us,
			buckets = metric_buckets(metric_call.buckets, r.buckets, r.counts);
	end loop;

	insert into metric_auth (node, name, outcome, n)
	select q.node, coalesce(e.name, ''), coalesce(e.outcome, ''), count(*)
	from event_auth e join event_queue q on q.batch = e.batch
	where e.batch = any(p_auths) and e.at between p_from and p_to
	group by 1, 2, 3
	on conflict (node, name, outcome) do update set n = metric_auth.n + excluded.n;
end $$;

-- The numbers of a machine (P_NODE null: of all), brought up to date.
-- for: consent admin
create or replace function gatehouse.metrics_calls(p_node text)
returns table (operation text, upstream text, capability text, method text, outcome text, origin text, n bigint,
	sum_us numeric, buckets bigint[])
language plpgsql stable security definer set search_path = gatehouse, pg_temp as $$
#variable_conflict use_column
begin
	return query
	select m.operation, m.upstream, m.capability, m.method, m.outcome, m.origin, m.n, m.sum_us, m.buckets
	from metric_call m where m.node = p_node
	order by m.operation, m.upstream, m.capability, m.method, m.outcome, m.origin limit 5000;
end $$;

-- for: consent admin
create or replace function gatehouse.metrics_auths(p_node text)
returns table (name text, outcome text, n bigint)
language plpgsql stable security definer set search_path = gatehouse, pg_temp as $$
#variable_conflict use_column
begin
	return query select m.name, m.outcome, m.n from metric_auth m where m.node = p_node
	order by m.name, m.outcome limit 500;
end $$;

-- What the keepers know of the whole gateway: name, label, number.
-- for: consent admin
create or replace function gatehouse.metrics_books()
returns table (name text, label text, n bigint)
language plpgsql stable security definer set search_path = gatehouse, pg_temp as $$
#variable_conflict use_column
begin
	return query
	select 'sent', d.name, d.sent from event_destination d where d.name > ''
	union all
	select 'dropped', d.name, d.dropped from event_destination d where d.name > ''
	union all
	select 'waiting', d.name, (select coalesce(sum(q.n), 0)::bigint from event_queue q
		where (q.tx, q.batch) > (d.tx, d.batch)) from event_destination d where d.name > ''
	union all
	select 'unsealed', '', audit_waiting();
end $$;
