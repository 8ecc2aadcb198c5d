-- Events come in and grow old. The arrays have one element per event, in the order of
-- src/event/record.c; of calls and of what policies record, one element with the index 0 stands for all. P_BODY is all of them
-- in one piece, of layout P_LAYOUT (src/event/packed.h), where they are sent on.

-- The day's table of one family, if it is not there. Made apart and attached, which the inserts
-- of others do not wait for. (It is empty: a check of its times would be asked at each row, for nothing.)
-- for: nobody
create or replace function gatehouse.event_day(p_parent text, p_day date) returns void
language plpgsql security definer set search_path = gatehouse, pg_temp as $$
declare
	name text := p_parent || to_char(p_day, '_YYYYMMDD');
	from_at timestamptz := p_day::timestamp at time zone 'UTC';
	to_at timestamptz := (p_day + 1)::timestamp at time zone 'UTC';
begin
	if to_regclass('gatehouse.' || name) is not null then
		return;
	end if;
	execute format('create table gatehouse.%I (like gatehouse.%I including defaults)', name, p_parent);
	execute format('alter table gatehouse.%I attach partition gatehouse.%I
		for values from (%L) to (%L)', p_parent, name, from_at, to_at);
end $$;

-- Yesterday (clocks differ) to a week ahead.
-- for: nobody
create or replace function gatehouse.event_days() returns void
language plpgsql security definer set search_path = gatehouse, pg_temp as $$
declare
	today date := (now() at time zone 'UTC')::date;
begin
	perform pg_advisory_xact_lock(7449359170164355438); -- two must not make the same day
	for i in -1 .. 7 loop
		perform event_day('event_call', today + i);
		perform event_day('event_auth', today + i);
		perform event_day('event_policy', today + i);
	end loop;
end $$;

-- Drops the days before P_DAY. A table in use is left for the next time.
-- for: nobody
create or replace function gatehouse.event_forget(p_day date) returns void
language plpgsql security definer set search_path = gatehouse, pg_temp as $$
declare
	t record;
	gone text[] := '{}';
	patience text := current_setting('lock_timeout');
begin
	-- whoever waits for this lock has new calls wait behind it
	perform set_config('lock_timeout', '200ms', true);
	for t in select i.inhrelid::regclass as day, right(c.relname, 8) as date
		from pg_inherits i join pg_class c on c.oid = i.inhrelid
		where i.inhparent in ('event_call'::regclass, 'event_auth'::regclass, 'event_policy'::regclass)
		and right(c.relname, 8) < to_char(p_day, 'YYYYMMDD')
	loop
		begin
			execute format('drop table %s', t.day);
			gone := gone || t.date;
		exception when lock_not_available then
			null;
		end;
	end loop;
	perform set_config('lock_timeout', patience, true);
	if gone <> '{}' then
		perform audit_add('events_dropped', null, 'events', null, null, jsonb_build_object('before', jsonb_build_object('days',
			(select jsonb_agg(distinct to_date(d, 'YYYYMMDD')) from unnest(gone) d)), 'after', null));
	end if;
end $$;

-- For how many days events, and the sums made of them, are kept, as the project in force says (0: for ever).
-- for: admin
create or replace function gatehouse.retention_set(p_days int, p_sum_days int, p_actor text, p_trace text) returns void
language plpgsql security definer set search_path = gatehouse, pg_temp as $$
declare
	v_was jsonb;
	v_is jsonb := jsonb_build_object('days', p_days, 'sumDays', p_sum_days);
begin
	select jsonb_build_object('days', k.days, 'sumDays', k.sum_days) into v_was from event_keep k where k.one for update;
	if v_was = v_is then
		return;
	end if;
	insert into event_keep (days, sum_days) values (p_days, p_sum_days)
	on conflict (one) do update set days = excluded.days, sum_days = excluded.sum_days;
	perform audit_add('retention_changed', p_actor, 'events', null, p_trace, jsonb_build_object('before', v_was, 'after', v_is));
end $$;

-- What of that a program gets, which may only ask for more: one that was taken over must not be able to clear away its
-- traces. Nobody has told yet: at least as many days as a project has that says nothing.
-- for: nobody
create or replace function gatehouse.event_kept(p_asked int, p_told int, p_default int) returns int
language sql immutable as $$
	select case when p_asked <= 0 or p_told = 0 then 0 else greatest(p_asked, coalesce(p_told, p_default)) end
$$;

-- Summing up, for about P_MS, by programs: see rollup_step(), and event_kept().
-- for: oauth consent connect mcp console
create or replace function gatehouse.rollup_run(p_keep int, p_keep_sums int, p_ms int) returns void
language plpgsql security definer set search_path = gatehouse, pg_temp as $$
declare
	k event_keep;
begin
	select * into k from event_keep w where w.one;
	perform rollup_step(event_kept(p_keep, k.days, 90), event_kept(p_keep_sums, k.sum_days, 400), p_ms);
end $$;

-- Run by every program three times a minute, and by nobody twice at a time: makes the coming days, drops
-- those older than P_KEEP days (0: none; see event_kept()), expires what the authorization server no longer needs. (P_KEEP_SUMS
-- is of rollup_run(), which is called by itself: what takes long must not undo this.)
-- for: oauth consent connect mcp console admin
create or replace function gatehouse.events_step(p_keep int, p_keep_sums int) returns void
language plpgsql security definer set search_path = gatehouse, pg_temp as $$
declare
	today date := (now() at time zone 'UTC')::date;
	v_keep int := event_kept(p_keep, (select k.days from event_keep k where k.one), 90);
begin
	if not pg_try_advisory_xact_lock(7449359170164355439) then
		return;
	end if;
	if to_regclass('gatehouse.event_policy' || to_char(today + 7, '_YYYYMMDD')) is null then
		perform event_days();
	end if;
	if v_keep > 0 then
		perform event_forget(today - v_keep);
	end if;
	delete from event_batch where at < now() - interval '1 hour';
	perform event_queue_step();
	perform metrics_step(1000);
	perform oauth_step(500);
	perform rate_step(500);
end $$;

-- Whether a batch is new. Its rows need not survive a crash of the server: nobody waits for the
-- disk.
-- for: nobody
create or replace function gatehouse.event_batch_is_new(p_batch uuid) returns boolean
language plpgsql security definer set search_path = gatehouse, pg_temp as $$
begin
	perform set_config('synchronous_commit', 'off', true);
	insert into event_batch (batch_id) values (p_batch) on conflict do nothing;
	return found;
end $$;

-- A place in the queue for a batch of events that began at these times. A piece of more bytes than any program of ours
-- makes is not kept: whoever sends it on would have to hold it.
-- for: nobody
create or replace function gatehouse.event_enqueue(p_family text, p_node text, p_at timestamptz[], p_program text, p_body text, p_layout int)
returns bigint
language plpgsql security definer set search_path = gatehouse, pg_temp as $$
declare
	v_batch bigint;
begin
	if octet_length(p_body) > 8000000 then
		p_body := null;
	end if;
	insert into event_queue (family, node, n, from_at, to_at, program, body, layout)
	select p_family, p_node, count(*), min(t), max(t), p_program, p_body, case when p_body is not null then p_layout end
	from unnest(p_at) t
	returning batch into v_batch;
	return v_batch;
end $$;

-- A day without a table is made: this gateway may have slept for a week. Elements are taken from the arrays one by one: unnest() of
-- so many makes a table of each first, which was a third of the whole. (A plan made for certain arrays has copies of them in which
-- an element is looked for from the start.) What stands for all is taken once.
-- for: oauth consent connect mcp console
create or replace function gatehouse.events_add_call(
	p_batch uuid, p_program text, p_node text, p_at timestamptz[], p_severity text[], p_request_id text[],
	p_operation_id text[], p_upstream_id text[], p_subject_id text[], p_client_id text[],
	p_client_name text[], p_auth_profile_id text[], p_upstream_auth_mode text[],
	p_http_method text[], p_transport text[], p_mcp_method text[], p_capability_type text[],
	p_capability_name text[], p_outcome text[], p_failure_origin text[],
	p_mcp_status bigint[], p_jsonrpc_error_code bigint[], p_error_type text[],
	p_reason_code text[], p_latency_us bigint[], p_gateway_us bigint[],
	p_upstream_us bigint[], p_bytes_in bigint[], p_bytes_out bigint[], p_client_ip text[],
	p_protocol_version text[], p_session_digest text[], p_grant_id text[], p_err_name text[],
	p_err_message text[], p_cause_message text[], p_event_id uuid[], p_trace_parent text[],
	p_trace_link text[], p_rpc_id text[], p_server_address text[], p_server_port bigint[],
	p_tokens_in bigint[], p_tokens_out bigint[], p_arguments text[], p_result text[],
	p_body text default null, p_layout int default null
) returns void
language plpgsql security definer set search_path = gatehouse, pg_temp set plan_cache_mode = force_generic_plan as $$
declare
	v_batch bigint;
begin
	if not event_batch_is_new(p_batch) then
		return;
	end if;
	v_batch := event_enqueue('call', p_node, p_at, p_program, p_body, p_layout);
	if to_regclass('event_call' || to_char(now() at time zone 'UTC', '_YYYYMMDD')) is null then
		perform event_days();
	end if;
	insert into event_call (
		batch, program, at, severity, request_id, operation_id, upstream_id, subject_id, client_id, client_name,
		auth_profile_id, upstream_auth_mode, http_method, transport, mcp_method, capability_type, capability_name,
		outcome, failure_origin, mcp_status, jsonrpc_error_code, error_type, reason_code, latency_us, gateway_us,
		upstream_us, bytes_in, bytes_out, client_ip, protocol_version, session_digest, grant_id, err_name,
		err_message, cause_message, event_id, trace_parent, trace_link, rpc_id, server_address, server_port,
		tokens_in, tokens_out, arguments, result
	)
	select
		v_batch, p_program, p_at[i], coalesce(a.severity, p_severity[i]), coalesce(a.request_id, p_request_id[i]),
		coalesce(a.operation_id, p_operation_id[i]), coalesce(a.upstream_id, p_upstream_id[i]),
		coalesce(a.subject_id, p_subject_id[i]), coalesce(a.client_id, p_client_id[i]),
		coalesce(a.client_name, p_client_name[i]), coalesce(a.auth_profile_id, p_auth_profile_id[i]),
		coalesce(a.upstream_auth_mode, p_upstream_auth_mode[i]), coalesce(a.http_method, p_http_method[i]),
		coalesce(a.transport, p_transport[i]), coalesce(a.mcp_method, p_mcp_method[i]),
		coalesce(a.capability_type, p_capability_type[i]), coalesce(a.capability_name, p_capability_name[i]),
		coalesce(a.outcome, p_outcome[i]), coalesce(a.failure_origin, p_failure_origin[i]),
		coalesce(a.mcp_status, p_mcp_status[i]), coalesce(a.jsonrpc_error_code, p_jsonrpc_error_code[i]),
		coalesce(a.error_type, p_error_type[i]), coalesce(a.reason_code, p_reason_code[i]),
		coalesce(a.latency_us, p_latency_us[i]), coalesce(a.gateway_us, p_gateway_us[i]),
		coalesce(a.upstream_us, p_upstream_us[i]), coalesce(a.bytes_in, p_bytes_in[i]),
		coalesce(a.bytes_out, p_bytes_out[i]), coalesce(a.client_ip, p_client_ip[i]),
		coalesce(a.protocol_version, p_protocol_version[i]), coalesce(a.session_digest, p_session_digest[i]),
		coalesce(a.grant_id, p_grant_id[i]), coalesce(a.err_name, p_err_name[i]),
		coalesce(a.err_message, p_err_message[i]), coalesce(a.cause_message, p_cause_message[i]), p_event_id[i],
		coalesce(a.trace_parent, p_trace_parent[i]), coalesce(a.trace_link, p_trace_link[i]),
		coalesce(a.rpc_id, p_rpc_id[i]), coalesce(a.server_address, p_server_address[i]),
		coalesce(a.server_port, p_server_port[i]), coalesce(a.tokens_in, p_tokens_in[i]),
		coalesce(a.tokens_out, p_tokens_out[i]), coalesce(a.arguments, p_arguments[i]),
		coalesce(a.result, p_result[i])
	from (select
		p_severity[0] as severity, p_request_id[0] as request_id, p_operation_id[0] as operation_id,
		p_upstream_id[0] as upstream_id, p_subject_id[0] as subject_id, p_client_id[0] as client_id,
		p_client_name[0] as client_name, p_auth_profile_id[0] as auth_profile_id,
		p_upstream_auth_mode[0] as upstream_auth_mode, p_http_method[0] as http_method, p_transport[0] as transport,
		p_mcp_method[0] as mcp_method, p_capability_type[0] as capability_type,
		p_capability_name[0] as capability_name, p_outcome[0] as outcome, p_failure_origin[0] as failure_origin,
		p_mcp_status[0] as mcp_status, p_jsonrpc_error_code[0] as jsonrpc_error_code, p_error_type[0] as error_type,
		p_reason_code[0] as reason_code, p_latency_us[0] as latency_us, p_gateway_us[0] as gateway_us,
		p_upstream_us[0] as upstream_us, p_bytes_in[0] as bytes_in, p_bytes_out[0] as bytes_out,
		p_client_ip[0] as client_ip, p_protocol_version[0] as protocol_version, p_session_digest[0] as session_digest,
		p_grant_id[0] as grant_id, p_err_name[0] as err_name, p_err_message[0] as err_message,
		p_cause_message[0] as cause_message, p_trace_parent[0] as trace_parent, p_trace_link[0] as trace_link,
		p_rpc_id[0] as rpc_id, p_server_address[0] as server_address, p_server_port[0] as server_port,
		p_tokens_in[0] as tokens_in, p_tokens_out[0] as tokens_out, p_arguments[0] as arguments, p_result[0] as result
		offset 0) a, generate_series(1, cardinality(p_at)) i;
end $$;

-- A day without a table is made: this gateway may have slept for a week.
-- for: oauth consent connect mcp console
create or replace function gatehouse.events_add_auth(
	p_batch uuid, p_program text, p_node text, p_at timestamptz[], p_severity text[], p_name text[],
	p_request_id text[], p_operation_id text[], p_upstream_id text[], p_subject_id text[],
	p_client_id text[], p_client_name text[], p_auth_profile_id text[],
	p_upstream_auth_mode text[], p_http_method text[], p_outcome text[],
	p_failure_origin text[], p_mcp_status bigint[], p_error_type text[],
	p_reason_code text[], p_latency_us bigint[], p_client_ip text[], p_redirect_host text[],
	p_grant_id text[], p_err_name text[], p_err_message text[], p_cause_message text[],
	p_event_id uuid[], p_body text default null, p_layout int default null
) returns void
language plpgsql security definer set search_path = gatehouse, pg_temp as $$
declare
	v_batch bigint;
begin
	if not event_batch_is_new(p_batch) then
		return;
	end if;
	v_batch := event_enqueue('auth', p_node, p_at, p_program, p_body, p_layout);
	if to_regclass('event_auth' || to_char(now() at time zone 'UTC', '_YYYYMMDD')) is null then
		perform event_days();
	end if;
	insert into event_auth (
		batch, program, at, severity, name, request_id, operation_id, upstream_id, subject_id,
		client_id, client_name, auth_profile_id, upstream_auth_mode, http_method,
		outcome, failure_origin, mcp_status, error_type, reason_code, latency_us,
		client_ip, redirect_host, grant_id, err_name, err_message, cause_message, event_id
	)
	select v_batch, p_program, e.*
	from unnest(
		p_at, p_severity, p_name, p_request_id, p_operation_id, p_upstream_id,
		p_subject_id, p_client_id, p_client_name, p_auth_profile_id,
		p_upstream_auth_mode, p_http_method, p_outcome, p_failure_origin, p_mcp_status,
		p_error_type, p_reason_code, p_latency_us, p_client_ip, p_redirect_host,
		p_grant_id, p_err_name, p_err_message, p_cause_message, p_event_id
	) e;
end $$;

-- The same for what policies record.
-- for: oauth consent connect mcp console
create or replace function gatehouse.events_add_policy(
	p_batch uuid, p_program text, p_node text, p_at timestamptz[], p_severity text[], p_name text[],
	p_request_id text[], p_operation_id text[], p_upstream_id text[], p_subject_id text[],
	p_client_id text[], p_client_name text[], p_http_method text[], p_mcp_method text[],
	p_capability_type text[], p_capability_name text[], p_outcome text[],
	p_mcp_status bigint[], p_reason_code text[], p_latency_us bigint[], p_client_ip text[],
	p_query text[], p_grant_id text[], p_event_id uuid[], p_policy text[], p_action text[],
	p_finds text[], p_matches bigint[], p_body text default null, p_layout int default null
) returns void
language plpgsql security definer set search_path = gatehouse, pg_temp set plan_cache_mode = force_generic_plan as $$
declare
	v_batch bigint;
begin
	if not event_batch_is_new(p_batch) then
		return;
	end if;
	v_batch := event_enqueue('policy', p_node, p_at, p_program, p_body, p_layout);
	if to_regclass('event_policy' || to_char(now() at time zone 'UTC', '_YYYYMMDD')) is null then
		perform event_days();
	end if;
	insert into event_policy (
		batch, program, at, severity, name, request_id, operation_id, upstream_id, subject_id, client_id, client_name,
		http_method, mcp_method, capability_type, capability_name, outcome, mcp_status, reason_code, latency_us,
		client_ip, query, grant_id, event_id, policy, action, finds, matches
	)
	select
		v_batch, p_program, p_at[i], coalesce(a.severity, p_severity[i]), coalesce(a.name, p_name[i]),
		coalesce(a.request_id, p_request_id[i]), coalesce(a.operation_id, p_operation_id[i]),
		coalesce(a.upstream_id, p_upstream_id[i]), coalesce(a.subject_id, p_subject_id[i]),
		coalesce(a.client_id, p_client_id[i]), coalesce(a.client_name, p_client_name[i]),
		coalesce(a.http_method, p_http_method[i]), coalesce(a.mcp_method, p_mcp_method[i]),
		coalesce(a.capability_type, p_capability_type[i]), coalesce(a.capability_name, p_capability_name[i]),
		coalesce(a.outcome, p_outcome[i]), coalesce(a.mcp_status, p_mcp_status[i]),
		coalesce(a.reason_code, p_reason_code[i]), coalesce(a.latency_us, p_latency_us[i]),
		coalesce(a.client_ip, p_client_ip[i]), coalesce(a.query, p_query[i]), coalesce(a.grant_id, p_grant_id[i]),
		p_event_id[i], coalesce(a.policy, p_policy[i]), coalesce(a.action, p_action[i]),
		coalesce(a.finds, p_finds[i]), coalesce(a.matches, p_matches[i])
	from (select
		p_severity[0] as severity, p_name[0] as name, p_request_id[0] as request_id,
		p_operation_id[0] as operation_id, p_upstream_id[0] as upstream_id, p_subject_id[0] as subject_id,
		p_client_id[0] as client_id, p_client_name[0] as client_name, p_http_method[0] as http_method,
		p_mcp_method[0] as mcp_method, p_capability_type[0] as capability_type,
		p_capability_name[0] as capability_name, p_outcome[0] as outcome, p_mcp_status[0] as mcp_status,
		p_reason_code[0] as reason_code, p_latency_us[0] as latency_us, p_client_ip[0] as client_ip,
		p_query[0] as query, p_grant_id[0] as grant_id, p_policy[0] as policy, p_action[0] as action,
		p_finds[0] as finds, p_matches[0] as matches
		offset 0) a, generate_series(1, cardinality(p_at)) i;
end $$;
