-- What is wrong and somebody should know: judged by whoever keeps the books, told once, and once when it is
-- over, however many machines keep them.

-- What is wrong now. A route is judged by its calls of the last five minutes, if there were P_MIN_CALLS.
-- for: nobody
create or replace function gatehouse.alert_causes(p_error_rate float8, p_p95_ms int, p_min_calls int,
	p_expiry_days int)
returns table (kind text, subject text, text text, remedy text)
language plpgsql stable set search_path = gatehouse, pg_temp as $$
#variable_conflict use_column
begin
	return query
	select 'connection_lost', c.upstream_id,
		format('the connection that everybody shares with %s is lost: its provider takes no refresh token', c.upstream_id),
		format('gatehousectl connect %s', c.upstream_id)
	from connection c where c.subject = '' and c.state = 'reconsent_required';

	return query
	select 'connections_lost', substr(a.object, 10),
		format('%s users lost their connection with %s within an hour', count(distinct a.actor), substr(a.object, 10)),
		format('look at the client of %s at its provider: it may be revoked or have expired', substr(a.object, 10))
	from audit a where a.action = 'upstream_lost' and a.at > now() - interval '1 hour'
	group by a.object having count(distinct a.actor) >= 3;

	if p_expiry_days > 0 then
		return query
		select 'shared_grant_expires', c.upstream_id,
			format('the connection that everybody shares with %s ends at %s and cannot be renewed', c.upstream_id,
				utc_text(c.expires_at)),
			format('gatehousectl connect %s', c.upstream_id)
		from connection c where c.subject = '' and c.state = 'connected' and c.refresh_token is null
			and c.expires_at < now() + make_interval(days => p_expiry_days);
	end if;

	return query
	with calls as (
		select e.operation_id, count(*) as n,
			count(*) filter (where e.outcome = 'failure' and e.failure_origin is distinct from 'client') as failed,
			percentile_disc(0.95) within group (order by e.latency_us) / 1000 as p95
		from event_call e where e.at > now() - interval '5 minutes' and e.operation_id is not null
		group by e.operation_id)
	select 'error_rate', c.operation_id,
		format('%s of %s calls of %s failed in five minutes', c.failed, c.n, c.operation_id),
		'gatehousectl doctor upstreams; the reasons are in the log: reasonCode'
	from calls c where p_error_rate > 0 and c.n >= p_min_calls and c.failed > p_error_rate * c.n
	union all
	select 'slow', c.operation_id,
		format('the 95th percentile of %s was %s ms in five minutes', c.operation_id, c.p95::bigint),
		'gatehousectl doctor upstreams; latencyUpstreamMs in the log says whose time it is'
	from calls c where p_p95_ms > 0 and c.n >= p_min_calls and c.p95 > p_p95_ms;

	return query
	select 'events_dropped', l.who, format('%s lost %s events within an hour: %s', l.who, sum(l.n), max(l.why)),
		'gatehousectl events list; gatehousectl doctor'
	from event_loss l where l.at > now() - interval '1 hour' group by l.who;

	return query
	select 'destination_fails', d.name,
		format('the destination %s takes no events since %s: %s', d.name, utc_text(d.failed_since), d.failed),
		'gatehousectl events list'
	from event_destination d where d.name > '' and d.failed_since < now() - interval '4 minutes';

	return query
	select 'audit_unsealed', '', format('rows of the audit trail are unsealed for %s s', w),
		'start consent.fcgi, or run gatehousectl audit seal; its log says why it does not seal'
	from audit_waiting() w where w >= 60;
end $$;

-- Raises what is wrong and was not, ends what is no more.
-- for: consent admin
create or replace function gatehouse.alerts_judge(p_error_rate float8, p_p95_ms int, p_min_calls int,
	p_expiry_days int) returns void
language plpgsql security definer set search_path = gatehouse, pg_temp as $$
declare
	c record;
	v_now text[] := '{}';
begin
	if not pg_try_advisory_xact_lock(7449359170164355442) then
		return;
	end if;
	for c in select * from alert_causes(p_error_rate, p_p95_ms, p_min_calls, p_expiry_days) loop
		v_now := v_now || (c.kind || ' ' || c.subject);
		insert into alert (kind, subject, text, remedy) values (c.kind, c.subject, c.text, c.remedy)
		on conflict (kind, subject) where over_at is null do update set text = excluded.text;
	end loop;
	update alert a set over_at = now()
	where a.over_at is null and a.kind || ' ' || a.subject <> all(v_now);
	delete from alert a where a.over_at < now() - interval '90 days';
end $$;

-- What P_TO was not told yet: that it began, and that it is over, where it was told that it began. Each for one who
-- asks, for a minute, in which it is to be told.
-- for: consent admin
create or replace function gatehouse.alerts_take(p_to text)
returns table (alert_id bigint, is_over boolean, kind text, subject text, text text, remedy text, at text)
language plpgsql security definer set search_path = gatehouse, pg_temp as $$
#variable_conflict use_column
declare
	a alert;
	v_over boolean;
begin
	for a in select * from alert w where w.over_at is null or w.over_at > now() - interval '1 day' order by w.alert_id loop
		foreach v_over in array array[false, true] loop
			continue when v_over and (a.over_at is null or not exists (select from alert_told t
				where t.alert_id = a.alert_id and t.told_to = p_to and not t.is_over and t.done));
			continue when not v_over and a.over_at is not null;
			insert into alert_told as t (alert_id, told_to, is_over, until)
			values (a.alert_id, p_to, v_over, now() + interval '1 minute')
			on conflict (alert_id, told_to, is_over) do update set until = excluded.until
			where not t.done and t.until < now();
			continue when not found;
			alert_id := a.alert_id;
			is_over := v_over;
			kind := a.kind;
			subject := a.subject;
			text := a.text;
			remedy := a.remedy;
			at := utc_text(case when v_over then a.over_at else a.raised_at end);
			return next;
		end loop;
	end loop;
end $$;

-- for: consent admin
create or replace function gatehouse.alerts_told(p_to text, p_alert_id bigint[], p_over bigint[]) returns void
language plpgsql security definer set search_path = gatehouse, pg_temp as $$
begin
	update alert_told t set done = true, told_at = now()
	from unnest(p_alert_id, p_over) w (id, is_over)
	where t.alert_id = w.id and t.is_over = (w.is_over = 1) and t.told_to = p_to;
end $$;

-- What is wrong now, the newest first: for pages and lists.
-- for: console admin
create or replace function gatehouse.alerts_open()
returns table (kind text, subject text, text text, remedy text, raised_at text)
language plpgsql stable security definer set search_path = gatehouse, pg_temp as $$
#variable_conflict use_column
begin
	return query select a.kind, a.subject, a.text, a.remedy, utc_text(a.raised_at)
	from alert a where a.over_at is null order by a.alert_id desc limit 100;
end $$;
