-- compatible-from: 0012
--
-- Connections, continued: by identity assertion (id-jag), with their endpoints bound into the seal; and
-- sign-ins that no application asked for.

-- A person opened an address that is for one person, and nobody was signed in in that browser.
create table gatehouse.sign_in (
	request_id   uuid primary key,
	browser_hash bytea not null,                -- of a cookie made for this attempt
	pepper_id    text not null,
	return_to    bytea not null,                -- sealed: the address may hold a ticket
	return_id    uuid,                          -- the answer of the provider that came back; a second does not count
	session_hash bytea,                         -- null: nobody has signed in for it yet
	expires_at   timestamptz not null
);
create index sign_in_expires on gatehouse.sign_in (expires_at);

-- A connection by assertion is made by a call, without the user: until its first exchange is done it has
-- generation 0 and no token.
alter table gatehouse.connection
	drop constraint connection_client_kind_check,
	add constraint connection_client_kind_check
		check (client_kind in ('manual', 'document', 'registered', 'assertion')),
	add column lost_at timestamptz;             -- when it became reconsent_required

-- What was sealed before does not name its endpoints, and opens no more.
update gatehouse.connection set state = 'reconsent_required', state_reason = 'resealed', access_token = '',
	refresh_token = null, lease_by = null, lease_until = null, lost_at = now()
where state = 'connected';
delete from gatehouse.connect_attempt;

-- These answer more than before.
drop function if exists gatehouse.connection_find(text, text);
drop function if exists gatehouse.connection_lease(uuid, int, uuid, int);
drop function if exists gatehouse.connection_drop_own(bytea[], text, text);
