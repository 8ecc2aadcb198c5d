-- compatible-from: 0016
--
-- The audit trail as a chain. A row is inserted unsealed, in the transaction that it records; the
-- sealer (src/keeper/seal.c) gives it its place within a second: a MAC over the row, its place and the
-- MAC before. The key is in no database, so that who writes here can neither mend a chain nor
-- make another. A chain inside the recording transaction would make all commits queue.

alter table gatehouse.audit add column event_id uuid not null default gen_random_uuid();

-- No foreign key: that a row is missing is to be found, not to be prevented from being seen.
create table gatehouse.audit_seal (
	seal_no   bigint primary key check (seal_no > 0), -- 1, 2, 3, … without a gap
	audit_id  bigint not null unique,
	key_id    text not null,                          -- of the ring's file `audit`
	mac       bytea not null check (length(mac) = 32),
	sealed_at timestamptz not null default clock_timestamp()
);
create trigger audit_seal_append_only before update or delete or truncate on gatehouse.audit_seal
	for each statement execute function gatehouse.audit_is_append_only();

-- What is still to be sealed. Only a hint: `gatehousectl audit verify` looks at the rows themselves.
create table gatehouse.audit_unsealed (
	audit_id bigint primary key,
	at       timestamptz not null default clock_timestamp()
);
create index audit_unsealed_at on gatehouse.audit_unsealed (at);
insert into gatehouse.audit_unsealed (audit_id) select audit_id from gatehouse.audit;

create function gatehouse.audit_is_new() returns trigger
language plpgsql set search_path = gatehouse, pg_temp as $$
begin
	insert into audit_unsealed (audit_id) values (new.audit_id);
	insert into event_queue (family, audit_id, n, from_at, to_at)
	values ('audit', new.audit_id, 1, new.at, new.at);
	return null;
end $$;

create trigger audit_new after insert on gatehouse.audit
	for each row execute function gatehouse.audit_is_new();

-- What is wrong, or was: one row from its beginning to its end.
create table gatehouse.alert (
	alert_id  bigint generated always as identity primary key,
	kind      text not null,               -- "connection_lost"
	subject   text not null,               -- which one
	text      text not null,
	remedy    text not null,               -- the line to act on
	raised_at timestamptz not null default now(),
	over_at   timestamptz
);
create unique index alert_open on gatehouse.alert (kind, subject) where over_at is null;
create index alert_over on gatehouse.alert (over_at);

-- Who was told of it, and of its end.
create table gatehouse.alert_told (
	alert_id bigint not null references gatehouse.alert on delete cascade,
	told_to  text not null,
	is_over  boolean not null,
	until    timestamptz not null,         -- somebody is at it until then
	done     boolean not null default false,
	told_at  timestamptz,
	primary key (alert_id, told_to, is_over)
);
