-- Rate limits and quotas: see sql/schema/0013-rate.sql. The clock is the server's, and it is read when the row is
-- locked: who waited for others is not judged by an old time.

-- A window at P_NOW: what was in it slides out of it.
-- for: nobody
create or replace function gatehouse.rate_slide(r gatehouse.rate, p_window_ms bigint, p_now timestamptz)
returns gatehouse.rate
language plpgsql stable
set search_path = gatehouse, pg_temp
as $$
declare
	one interval := p_window_ms * interval '1 millisecond';
begin
	if p_now >= r.since + 2 * one or p_now < r.since then
		r.since := p_now;
		r.before := 0;
		r.n := 0;
	elsif p_now >= r.since + one then
		r.since := r.since + one;
		r.before := r.n;
		r.n := 0;
	end if;
	r.gone_at := r.since + 2 * one;
	return r;
end
$$;

-- How long until P_COST more fit in: 0 now. What came in the window before is taken as spread evenly over it.
-- src/policy/window.c reckons likewise.
-- for: nobody
create or replace function gatehouse.rate_wait(r gatehouse.rate, p_window_ms bigint, p_now timestamptz,
	p_cost bigint, p_allowed bigint)
returns bigint
language plpgsql stable
set search_path = gatehouse, pg_temp
as $$
declare
	passed bigint := floor(extract(epoch from p_now - r.since) * 1000);
	room bigint := p_allowed - p_cost - r.n;
begin
	if p_cost > p_allowed then
		return 2 * p_window_ms; -- never
	elsif room < 0 then -- not before the window is over, and then as it slides out
		return p_window_ms - passed
			+ ceil(p_window_ms::numeric * (r.n - p_allowed + p_cost) / r.n);
	elsif r.before <= room then
		return 0;
	end if;
	return greatest(0, ceil(p_window_ms::numeric * (r.before - room) / r.before) - passed);
end
$$;

-- A key's row, locked; made if need be. Nothing else decides whether it is there: it may have expired just now.
-- for: nobody
create or replace function gatehouse.rate_lock(p_key bytea)
returns gatehouse.rate
language plpgsql
set search_path = gatehouse, pg_temp
as $$
declare
	r rate%rowtype;
begin
	loop
		select * into r from rate where rate_key = p_key for update;
		exit when found;
		insert into rate (rate_key, since, gone_at) values (p_key, clock_timestamp(), clock_timestamp())
		on conflict do nothing;
	end loop;
	return r;
end
$$;

-- Takes p_costs[i] of p_keys[i], of all or of none. Keys come in order and once, so that two calls do not wait for
-- each other. WAIT_MS is 0 if they were taken, else how long until there may be room.
-- for: mcp
create or replace function gatehouse.rate_take(p_keys bytea[], p_costs bigint[], p_window_ms bigint, p_allowed bigint)
returns table (wait_ms bigint)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
declare
	found_rows rate[];
	r rate%rowtype;
	v_now timestamptz;
begin
	perform set_config('synchronous_commit', 'off', true);
	wait_ms := 0;
	for i in 1 .. cardinality(p_keys) loop
		r := rate_lock(p_keys[i]);
		v_now := clock_timestamp();
		r := rate_slide(r, p_window_ms, v_now);
		wait_ms := greatest(wait_ms, rate_wait(r, p_window_ms, v_now, p_costs[i], p_allowed));
		found_rows[i] := r;
	end loop;
	for i in 1 .. cardinality(p_keys) loop
		exit when wait_ms > 0;
		r := found_rows[i];
		update rate t set since = r.since, before = r.before, n = r.n + p_costs[i], gone_at = r.gone_at
		where t.rate_key = p_keys[i];
	end loop;
	return next;
end
$$;

-- What a program has counted by itself since it last said so, and what all have counted. A batch that is
-- sent again, because its commit was in doubt, is known again. Keys come in order and once.
-- for: mcp
create or replace function gatehouse.rate_add(p_batch uuid, p_keys bytea[], p_costs bigint[], p_windows_ms bigint[])
returns table (rate_key bytea, n bigint, before bigint, passed_ms bigint)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
declare
	r rate%rowtype;
	v_now timestamptz;
	v_new boolean := event_batch_is_new(p_batch);
begin
	for i in 1 .. cardinality(p_keys) loop
		r := rate_lock(p_keys[i]);
		v_now := clock_timestamp();
		r := rate_slide(r, p_windows_ms[i], v_now);
		if v_new then
			r.n := r.n + p_costs[i];
			update rate t set since = r.since, before = r.before, n = r.n, gone_at = r.gone_at
			where t.rate_key = p_keys[i];
		end if;
		return query select p_keys[i], r.n, r.before,
			floor(extract(epoch from v_now - r.since) * 1000)::bigint;
	end loop;
end
$$;

-- The period of an anchor in which P_NOW lies. Months keep the anchor's day, or the last of a shorter month.
-- for: nobody
create or replace function gatehouse.quota_period(p_anchor timestamptz, p_period text, p_now timestamptz,
	out starts_at timestamptz, out ends_at timestamptz)
language plpgsql stable
set search_path = gatehouse, pg_temp
as $$
declare
	a timestamp := p_anchor at time zone 'UTC';
	t timestamp := p_now at time zone 'UTC';
	one interval := case p_period when 'hourly' then interval '1 hour' when 'daily' then interval '1 day'
		when 'weekly' then interval '7 days' end;
	k bigint;
begin
	if one is not null then
		k := floor(extract(epoch from t - a) / extract(epoch from one));
		starts_at := (a + k * one) at time zone 'UTC';
		ends_at := (a + (k + 1) * one) at time zone 'UTC';
		return;
	end if;
	k := (extract(year from t) - extract(year from a)) * 12 + extract(month from t) - extract(month from a);
	if a + k * interval '1 month' > t then
		k := k - 1;
	end if;
	starts_at := (a + k * interval '1 month') at time zone 'UTC';
	ends_at := (a + (k + 1) * interval '1 month') at time zone 'UTC';
end
$$;

-- Takes P_N of an allowance before the call is made, so that as many calls as there is room for go at a time and
-- no more. What proves not to count, or to count for more, is settled afterwards. P_ANCHOR null: the first call is.
-- WAIT_MS 0: taken, in the period that began at STARTS_AT; else how long until the period is over.
-- for: mcp
create or replace function gatehouse.quota_take(p_key bytea, p_n bigint, p_allowed bigint, p_period text,
	p_anchor timestamptz)
returns table (wait_ms bigint, starts_at timestamptz)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
declare
	q quota%rowtype;
	v_now timestamptz;
	v_anchor timestamptz;
	v_starts timestamptz;
	v_ends timestamptz;
begin
	perform set_config('synchronous_commit', 'off', true);
	loop
		select * into q from quota t where t.quota_key = p_key for update;
		exit when found;
		insert into quota (quota_key, anchor_at, starts_at, ends_at)
		values (p_key, coalesce(p_anchor, clock_timestamp()), '-infinity', '-infinity')
		on conflict do nothing;
	end loop;
	v_now := clock_timestamp();
	v_anchor := coalesce(p_anchor, q.anchor_at);
	select p.starts_at, p.ends_at into v_starts, v_ends from quota_period(v_anchor, p_period, v_now) p;
	if v_starts <> q.starts_at or v_ends <> q.ends_at then
		q.used := 0;
	end if;

	starts_at := v_starts;
	wait_ms := 0;
	if q.used + p_n > p_allowed then
		wait_ms := greatest(1, ceil(extract(epoch from v_ends - v_now) * 1000));
	else
		update quota t set anchor_at = v_anchor, starts_at = v_starts, ends_at = v_ends, used = q.used + p_n
		where t.quota_key = p_key;
	end if;
	return next;
end
$$;

-- Corrects what was taken: p_n[i] more (or less, below 0), where the period is still the same. A batch that is sent
-- again is known again. Keys come in order.
-- for: mcp
create or replace function gatehouse.quota_settle(p_batch uuid, p_keys bytea[], p_starts timestamptz[], p_n bigint[])
returns void
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
begin
	if not event_batch_is_new(p_batch) then
		return;
	end if;
	for i in 1 .. cardinality(p_keys) loop
		update quota t set used = greatest(0, t.used + p_n[i])
		where t.quota_key = p_keys[i] and t.starts_at = p_starts[i];
	end loop;
end
$$;

-- Removes windows that are over, and allowances that nobody has used for 90 days (their next period begins with the
-- next call). Returns how many, P_LIMIT of each at most.
-- for: nobody
create or replace function gatehouse.rate_step(p_limit int)
returns bigint
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
declare
	n bigint;
	total bigint;
begin
	delete from rate where rate_key in (
		select r.rate_key from rate r where r.gone_at < now()
		order by r.gone_at limit p_limit for update skip locked);
	get diagnostics total = row_count;
	delete from quota where quota_key in (
		select q.quota_key from quota q where q.ends_at < now() - interval '90 days'
		order by q.ends_at limit p_limit for update skip locked);
	get diagnostics n = row_count;
	return total + n;
end
$$;
