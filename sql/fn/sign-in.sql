-- Sign-ins that no application asked for: somebody opened an address of ours that is for one person, and comes
-- back to it. Outcomes are those of oauth-consent.sql; login_return() and session_begin() come here where there
-- is no authorization request.

-- Writes an attempt down. A repetition finds its own row.
-- for: oauth
create or replace function gatehouse.sign_in_begin(p_request_id uuid, p_browser_hash bytea,
	p_pepper_id text, p_return_to bytea, p_ttl_s bigint)
returns void
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
begin
	insert into sign_in (request_id, browser_hash, pepper_id, return_to, expires_at)
	values (p_request_id, p_browser_hash, p_pepper_id, p_return_to, now() + make_interval(secs => p_ttl_s))
	on conflict do nothing;
end
$$;

-- for: nobody
create or replace function gatehouse.sign_in_outcome(i gatehouse.sign_in, p_browser_hashes bytea[])
returns text
language plpgsql stable
set search_path = gatehouse, pg_temp
as $$
begin
	return case
		when i.request_id is null then 'unknown'
		when not coalesce(i.browser_hash = any(p_browser_hashes), false) then 'other_browser'
		when i.session_hash is not null then 'used'
		when i.expires_at <= clock_timestamp() then 'expired'
		else 'open' end;
end
$$;

-- The browser is back from the provider: as login_return().
-- for: nobody
create or replace function gatehouse.sign_in_back(p_request_id uuid, p_browser_hashes bytea[],
	p_return_id uuid)
returns text
language plpgsql
set search_path = gatehouse, pg_temp
as $$
declare
	i sign_in%rowtype;
	v_outcome text;
begin
	select * into i from sign_in s where s.request_id = p_request_id for update;
	v_outcome := sign_in_outcome(i, p_browser_hashes);
	if v_outcome = 'open' and i.return_id is not null and i.return_id is distinct from p_return_id then
		return 'used';
	elsif v_outcome = 'open' and p_return_id is not null then
		update sign_in s set return_id = p_return_id where s.request_id = p_request_id;
	end if;
	return v_outcome;
end
$$;

-- Gives the attempt to the session that is about to begin. 'open', or why not; 'begun': it is that session's.
-- for: nobody
create or replace function gatehouse.sign_in_use(p_request_id uuid, p_browser_hashes bytea[],
	p_session_hash bytea)
returns text
language plpgsql
set search_path = gatehouse, pg_temp
as $$
declare
	i sign_in%rowtype;
	v_outcome text;
begin
	select * into i from sign_in s where s.request_id = p_request_id for update;
	if i.session_hash = p_session_hash then
		return 'begun';
	end if;
	v_outcome := sign_in_outcome(i, p_browser_hashes);
	if v_outcome = 'open' then
		update sign_in s set session_hash = p_session_hash where s.request_id = p_request_id;
	end if;
	return v_outcome;
end
$$;

-- Where the browser goes that has signed in for this attempt: sealed; no row: it was an application's.
-- for: oauth
create or replace function gatehouse.sign_in_done(p_request_id uuid, p_browser_hashes bytea[])
returns table (return_to bytea)
language plpgsql stable security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
begin
	return query
	select i.return_to from sign_in i
	where i.request_id = p_request_id and i.browser_hash = any(p_browser_hashes)
		and i.session_hash is not null;
end
$$;
