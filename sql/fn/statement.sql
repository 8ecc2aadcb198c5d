-- What identity providers signed for one use.

-- Uses a statement up. Whether it was new; a repetition with the same p_use_id finds its own row.
-- for: nobody
create or replace function gatehouse.statement_use(p_hash bytea, p_use_id uuid, p_expires timestamptz)
returns boolean
language plpgsql
set search_path = gatehouse, pg_temp
as $$
begin
	insert into statement (statement_hash, use_id, expires_at) values (p_hash, p_use_id, p_expires)
	on conflict do nothing;
	return exists (select from statement s where s.statement_hash = p_hash and s.use_id = p_use_id);
end
$$;

-- Removes those that have expired. For login_step().
-- for: nobody
create or replace function gatehouse.statement_step(p_limit int)
returns bigint
language plpgsql
set search_path = gatehouse, pg_temp
as $$
declare
	n bigint;
begin
	delete from statement where statement_hash in (
		select s.statement_hash from statement s where s.expires_at < now()
		limit p_limit for update skip locked);
	get diagnostics n = row_count;
	return n;
end
$$;

-- Changes an identity assertion, whose signature was found right, for a grant and its only access token, which
-- ends when the grant does. Times are seconds since 1970; p_skew_s is how much the provider's clock may be ahead,
-- p_life_s how long an assertion may still live. A repetition with the same p_grant_id finds its own rows.
-- Returns outcome: 'issued', 'expired', 'too_long', 'not_yet', 'replayed', 'unknown_client'; and expires_in.
-- for: oauth
create or replace function gatehouse.id_jag_redeem(
	p_statement_hash bytea, p_exp bigint, p_iat bigint, p_nbf bigint, p_skew_s int, p_life_s int,
	p_grant_id uuid, p_client_id text, p_subject text, p_claims bytea, p_resource text,
	p_operation_id text, p_scope text, p_access_id uuid, p_access_hash bytea, p_pepper_id text,
	p_access_ttl_s bigint, p_trace text)
returns table (outcome text, expires_in bigint)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
declare
	v_now timestamptz := clock_timestamp();
	v_epoch double precision := extract(epoch from v_now);
	g grants%rowtype;
begin
	select floor(extract(epoch from t.expires_at - v_now))::bigint into expires_in
	from access_token t where t.token_id = p_access_id and t.grant_id = p_grant_id;
	if found then
		return query select 'issued', expires_in;
		return;
	end if;
	outcome := case
		when p_exp <= v_epoch then 'expired'
		when p_exp > v_epoch + p_life_s + p_skew_s then 'too_long'
		when greatest(p_iat, p_nbf) > v_epoch + p_skew_s then 'not_yet'
		when not exists (select from client c where c.client_id = p_client_id for key share)
			then 'unknown_client'
		when not statement_use(p_statement_hash, p_grant_id, to_timestamp(p_exp)) then 'replayed' end;
	if outcome is not null then
		return next;
		return;
	end if;

	insert into grants (grant_id, client_id, subject, claims, resource, operation_id, scope, expires_at)
	values (p_grant_id, p_client_id, p_subject, p_claims, p_resource, p_operation_id, p_scope,
		v_now + make_interval(secs => p_access_ttl_s))
	returning * into g;

	update client c set granted_at = now(), last_used_at = now()
	where c.client_id = p_client_id
	and (c.granted_at is null or c.granted_at < now() - interval '1 hour');

	perform audit_add('assertion_accepted', p_subject, 'grant:' || p_grant_id, p_client_id, p_trace,
		jsonb_build_object('before', null, 'after', jsonb_build_object('operation', p_operation_id, 'scope', p_scope)));
	outcome := 'issued';
	expires_in := tokens_issue(g, 1, p_scope, p_access_id, p_access_hash, null, null, p_pepper_id,
		p_access_ttl_s);
	return next;
end
$$;

-- provider_logout(), once for each notice. No row: it was used before.
-- for: oauth
create or replace function gatehouse.provider_logout_once(p_issuer text, p_subject text,
	p_sid_hash bytea, p_trace text, p_statement_hash bytea, p_use_id uuid, p_keep_s int)
returns table (sessions bigint, grants bigint)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
begin
	if statement_use(p_statement_hash, p_use_id, now() + make_interval(secs => p_keep_s)) then
		return query
		select o.sessions, o.grants from provider_logout(p_issuer, p_subject, p_sid_hash, p_trace) o;
	end if;
end
$$;
