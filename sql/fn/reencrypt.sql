-- What is sealed, by the key that it is sealed under: for gatehousectl keys reencrypt and retire. The key's id
-- stands at the head of each blob (src/keys/seal.h); what the blobs hold is known to programs alone.

-- The id of the key; null for no blob, and for an empty one.
-- for: nobody
create or replace function gatehouse.seal_key_id(p_blob bytea)
returns text
language sql immutable
as $$
	select case when octet_length(p_blob) > 2 and octet_length(p_blob) > 2 + get_byte(p_blob, 1)
		then encode(substring(p_blob from 3 for get_byte(p_blob, 1)), 'escape') end;
$$;

-- One page of a table, in the order of its key, after the row p_after ('' for the first): as many rows as there
-- are, p_limit at most. Cells that are under key p_key_id already are null. Of each row: its id, what is in the
-- additional data of its cells, and the cells.
-- for: admin
create or replace function gatehouse.reencrypt_page(p_table text, p_key_id text, p_after text,
	p_limit int)
returns table (row_id text, subject text, upstream_id text, issuer text, resource text,
	token_endpoint text, revocation_endpoint text, first bytea, second bytea)
language plpgsql stable security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
declare
	v_after uuid := case when p_table <> 'browser_session' and p_after <> '' then p_after::uuid end;
begin
	if p_table = 'connection' then
		return query
		select c.connection_id::text, c.subject, c.upstream_id, c.issuer, c.resource,
			c.token_endpoint, c.revocation_endpoint,
			case when seal_key_id(c.access_token) <> p_key_id then c.access_token end,
			case when seal_key_id(c.refresh_token) <> p_key_id then c.refresh_token end
		from connection c where v_after is null or c.connection_id > v_after
		order by c.connection_id limit p_limit;
	elsif p_table = 'upstream_registration' then
		return query
		select r.registration_id::text, '', r.upstream_id, r.issuer, null, null, null,
			case when seal_key_id(r.client_secret) <> p_key_id then r.client_secret end, null::bytea
		from upstream_registration r where v_after is null or r.registration_id > v_after
		order by r.registration_id limit p_limit;
	elsif p_table = 'connect_attempt' then
		return query
		select a.attempt_id::text, a.subject, a.upstream_id, a.issuer, a.resource, a.token_endpoint,
			a.revocation_endpoint, case when seal_key_id(a.verifier) <> p_key_id then a.verifier end,
			null::bytea
		from connect_attempt a where v_after is null or a.attempt_id > v_after
		order by a.attempt_id limit p_limit;
	elsif p_table = 'browser_session' then
		return query
		select encode(s.session_hash, 'hex'), s.subject, null, null, null, null, null,
			case when seal_key_id(s.claims) <> p_key_id then s.claims end, null::bytea
		from browser_session s where p_after = '' or s.session_hash > decode(p_after, 'hex')
		order by s.session_hash limit p_limit;
	elsif p_table = 'grants' then
		return query
		select g.grant_id::text, g.subject, null, null, null, null, null,
			case when seal_key_id(g.claims) <> p_key_id then g.claims end, null::bytea
		from grants g where v_after is null or g.grant_id > v_after
		order by g.grant_id limit p_limit;
	elsif p_table = 'login' then
		return query
		select l.login_id::text, l.subject, null, null, null, null, null,
			case when seal_key_id(l.tokens) <> p_key_id then l.tokens end, null::bytea
		from login l where v_after is null or l.login_id > v_after
		order by l.login_id limit p_limit;
	else
		raise exception 'nothing is sealed in %', p_table;
	end if;
end
$$;

-- Puts cells that were sealed anew in the place of the old ones, where these are still there: a program may have
-- written a newer one meanwhile. p_column: 1 or 2, as reencrypt_page() has them. Rows are locked in the order of
-- their ids, as everybody does. Returns how many were put.
-- for: admin
create or replace function gatehouse.reencrypt_put(p_table text, p_column int, p_ids text[],
	p_old bytea[], p_new bytea[])
returns bigint
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
declare
	n bigint := 0;
begin
	if p_table = 'connection' then
		perform from connection c where c.connection_id = any(p_ids::uuid[])
		order by c.connection_id for update;
		if p_column = 1 then
			update connection c set access_token = x.new
			from unnest(p_ids, p_old, p_new) x (id, old, new)
			where c.connection_id = x.id::uuid and c.access_token = x.old;
		else
			update connection c set refresh_token = x.new
			from unnest(p_ids, p_old, p_new) x (id, old, new)
			where c.connection_id = x.id::uuid and c.refresh_token = x.old;
		end if;
	elsif p_table = 'upstream_registration' then
		update upstream_registration r set client_secret = x.new
		from unnest(p_ids, p_old, p_new) x (id, old, new)
		where r.registration_id = x.id::uuid and r.client_secret = x.old;
	elsif p_table = 'connect_attempt' then
		perform from connect_attempt a where a.attempt_id = any(p_ids::uuid[])
		order by a.attempt_id for update;

		update connect_attempt a set verifier = x.new
		from unnest(p_ids, p_old, p_new) x (id, old, new)
		where a.attempt_id = x.id::uuid and a.verifier = x.old;
	elsif p_table = 'browser_session' then
		update browser_session s set claims = x.new
		from unnest(p_ids, p_old, p_new) x (id, old, new)
		where s.session_hash = decode(x.id, 'hex') and s.claims = x.old;
	elsif p_table = 'grants' then
		perform from grants g where g.grant_id = any(p_ids::uuid[]) order by g.grant_id for update;

		update grants g set claims = x.new
		from unnest(p_ids, p_old, p_new) x (id, old, new)
		where g.grant_id = x.id::uuid and g.claims = x.old;
	elsif p_table = 'login' then
		perform from login l where l.login_id = any(p_ids::uuid[]) order by l.login_id for update;

		update login l set tokens = x.new
		from unnest(p_ids, p_old, p_new) x (id, old, new)
		where l.login_id = x.id::uuid and l.tokens = x.old;
	else
		raise exception 'nothing is sealed in %', p_table;
	end if;
	get diagnostics n = row_count;
	return n;
end
$$;

-- What is sealed under a key and may still be opened; as pepper_rows(), for the purpose 'vault' or 'claims'.
-- for: admin
create or replace function gatehouse.sealed_rows(p_purpose text, p_key_id text)
returns table (kind text, n bigint, gone_by text)
language plpgsql stable security definer
set search_path = gatehouse, pg_temp
as $$
begin
	if p_purpose = 'vault' then
		return query
		select 'connections', count(*), null::text from connection c
		where p_key_id in (seal_key_id(c.access_token), seal_key_id(c.refresh_token))
		having count(*) > 0;

		return query
		select 'registrations at upstreams', count(*), null::text from upstream_registration r
		where seal_key_id(r.client_secret) = p_key_id
		having count(*) > 0;

		return query
		select 'attempts to connect', count(*), utc_text(max(a.expires_at)) from connect_attempt a
		where seal_key_id(a.verifier) = p_key_id and a.used_by is null and a.expires_at > now()
		having count(*) > 0;
	elsif p_purpose = 'claims' then
		return query
		select 'browser sessions', count(*), utc_text(max(s.expires_at)) from browser_session s
		where seal_key_id(s.claims) = p_key_id and s.expires_at > now()
		having count(*) > 0;

		return query
		select 'grants', count(*), utc_text(max(g.expires_at)) from grants g
		where seal_key_id(g.claims) = p_key_id and grant_is_live(g)
		having count(*) > 0;

		return query
		select 'sign-ins', count(*), null::text from login l
		where seal_key_id(l.tokens) = p_key_id
		having count(*) > 0;
	else
		raise exception 'nothing is sealed under %', p_purpose;
	end if;
end
$$;
