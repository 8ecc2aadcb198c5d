-- compatible-from: 0003
--
-- Sign-in through an identity provider: what it said of a person, and the documents that it publishes.

-- One sign-in. Sessions and grants that came of it point here.
create table gatehouse.login (
	login_id      uuid primary key,
	issuer        text not null,
	subject       text not null,                -- as sessions and grants have it: with its issuer
	sid_hash      bytea,                        -- SHA-256 of issuer and the provider's name for its session
	tokens        bytea,                        -- sealed: its refresh token and ID token
	created_at    timestamptz not null default now(),
	claims_at     timestamptz not null default now(), -- when the provider last said them
	renew_id      uuid,                         -- of who is renewing them now
	renew_until   timestamptz
);
create index login_subject on gatehouse.login (subject);
create index login_sid on gatehouse.login (sid_hash) where sid_hash is not null;

alter table gatehouse.browser_session
	add column login_id uuid references gatehouse.login on delete set null;
create index browser_session_login on gatehouse.browser_session (login_id) where login_id is not null;

alter table gatehouse.grants
	add column login_id uuid references gatehouse.login on delete set null;
create index grants_login on gatehouse.grants (login_id) where login_id is not null;

-- The answer of a provider that came back for a request: a second one does not count.
alter table gatehouse.authorization_request add column return_id uuid;

-- Discovery documents and key sets, shared by all workers.
create table gatehouse.provider_document (
	url         text primary key,
	body        text not null,
	fetched_at  timestamptz not null,
	fresh_until timestamptz not null,
	asked_at    timestamptz                     -- when somebody last asked for it before its time
);
