-- What the programs do three times a minute (events_step), for gatehousectl maintenance: the same work under
-- the same lock, with an account of it.

-- One batch: at most P_LIMIT rows of each kind go. RAN false: a program is at it in this moment.
-- SUMMING true: there are more calls to sum up.
-- for: admin
create or replace function gatehouse.maintenance_step(p_keep int, p_keep_sums int, p_limit int,
	out ran boolean, out days_made bigint, out days_dropped bigint, out batches bigint,
	out expired bigint, out summing boolean)
language plpgsql security definer set search_path = gatehouse, pg_temp as $$
declare
	parents regclass[] := array['event_call', 'event_auth', 'event_policy']::regclass[];
	today date := (now() at time zone 'UTC')::date;
	n bigint;
begin
	ran := pg_try_advisory_xact_lock(7449359170164355439);
	if not ran then
		return;
	end if;
	select count(*) into n from pg_inherits where inhparent = any(parents);
	perform event_days();
	select count(*) - n, count(*) into days_made, n
	from pg_inherits where inhparent = any(parents);
	if p_keep > 0 then
		perform event_forget(today - p_keep);
	end if;
	select n - count(*) into days_dropped from pg_inherits where inhparent = any(parents);
	delete from event_batch where at < now() - interval '1 hour';
	get diagnostics batches = row_count;
	perform event_queue_step();
	perform metrics_step(5000);
	expired := oauth_step(p_limit) + rate_step(p_limit);
	summing := rollup_step(p_keep, p_keep_sums, 2000);
end $$;
