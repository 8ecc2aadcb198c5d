-- compatible-from: 0001
--
-- What every other file stands on: the version of the schema, and the audit trail.
-- The schema itself and its owner are made by roles.sql.

create table gatehouse.schema_version (
	number          int primary key,
	name            text not null,
	-- programs that know this number, or a later one, still work
	compatible_from int not null check (compatible_from <= number),
	applied_at      timestamptz not null default now()
);

-- One row for each change that somebody must be able to account for. Written by audit_add() in the
-- transaction of the change itself: one is never there without the other.
-- Nothing updates or deletes a row; the trigger says so to the owner as well.
create table gatehouse.audit (
	audit_id   bigint generated always as identity primary key,
	at         timestamptz not null default clock_timestamp(),
	program    text not null default session_user, -- the role that asked
	request_id text,
	actor      text,                           -- subject or administrator; null: us
	action     text not null,                  -- "grant_revoked"
	object     text,                           -- what it was done to: "grant:UUID"
	client_id  text,
	detail     jsonb not null default '{}'
);
create index audit_at on gatehouse.audit using brin (at);
create index audit_actor on gatehouse.audit (actor, at);
create index audit_object on gatehouse.audit (object, at);

create function gatehouse.audit_is_append_only() returns trigger
language plpgsql set search_path = gatehouse, pg_temp as $$
begin
	raise exception 'the audit trail is append-only' using errcode = 'GH001';
end $$;

create trigger audit_append_only before update or delete or truncate on gatehouse.audit
	for each statement execute function gatehouse.audit_is_append_only();
