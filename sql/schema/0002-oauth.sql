-- compatible-from: 0002
--
-- The authorization server: clients, browser sessions, authorization requests, grants and
-- what was issued under them.
--
-- No table holds a token, code or secret: *_hash is HMAC-SHA-256 under the pepper key that
-- pepper_id names, so that a stolen dump opens nothing and an inserted row is worth nothing.
-- Expiry is judged by the clock of this server alone.
-- Lock order, everywhere: authorization_request, then grants, then tokens and codes, then client.

-- A registered client (RFC 7591). It ends 90 days after its last use, and 7 days after its
-- registration if nobody ever granted it anything: see client_is_live().
create table gatehouse.client (
	client_id     text primary key,
	name          text not null,                -- as it calls itself: shown, never trusted
	kind          text not null default 'registered' check (kind in ('registered')),
	auth_method   text not null check (auth_method in ('none', 'client_secret_basic', 'client_secret_post')),
	secret_hash   bytea,
	pepper_id     text,                         -- of secret_hash
	redirect_uris text[] not null,
	metadata      jsonb not null,               -- what took effect, as the registration answered it
	fingerprint   bytea unique,                 -- public clients: SHA-256 of the metadata; the same again is the same client
	created_at    timestamptz not null default now(),
	last_used_at  timestamptz not null default now(), -- kept to the hour
	granted_at    timestamptz,                  -- the last approval
	check ((auth_method = 'none') = (secret_hash is null)),
	check ((secret_hash is null) = (pepper_id is null))
);
create index client_last_used on gatehouse.client (last_used_at);

-- A person signed in with a browser.
create table gatehouse.browser_session (
	session_hash bytea primary key,
	pepper_id    text not null,
	subject      text not null,
	name         text,
	email        text,
	claims       bytea,                         -- of the ID token, sealed; null: the sign-in gave none
	created_at   timestamptz not null default now(),
	expires_at   timestamptz not null
);
create index browser_session_subject on gatehouse.browser_session (subject);
create index browser_session_expires on gatehouse.browser_session (expires_at);

-- One attempt to authorize a client. It belongs to the browser that began it (browser_hash, of
-- a cookie made for this attempt) and, once somebody signed in, to that session.
create table gatehouse.authorization_request (
	request_id     uuid primary key,
	browser_hash   bytea not null,
	pepper_id      text not null,
	session_hash   bytea,                       -- null: nobody has signed in for it yet
	client_id      text not null references gatehouse.client on delete cascade,
	redirect_uri   text not null,
	state          text,
	code_challenge text not null,
	resource       text not null,
	operation_id   text not null,
	scope          text not null,
	issuer         text not null,               -- goes back to the client as iss (RFC 9207)
	created_at     timestamptz not null default now(),
	expires_at     timestamptz not null,
	decided_at     timestamptz,
	decision       text check (decision in ('approved', 'denied')),
	check ((decided_at is null) = (decision is null))
);
create index authorization_request_session on gatehouse.authorization_request (session_hash);
create index authorization_request_client on gatehouse.authorization_request (client_id);
create index authorization_request_expires on gatehouse.authorization_request (expires_at);

-- What one person allowed one client to do at one route.
create table gatehouse.grants (
	grant_id      uuid primary key,
	client_id     text not null references gatehouse.client on delete cascade,
	subject       text not null,
	claims        bytea,                        -- sealed, as the session had them
	resource      text not null,
	operation_id  text not null,
	scope         text not null,
	generation    int not null default 0,       -- of the newest tokens; 0: its code was not redeemed
	created_at    timestamptz not null default now(),
	expires_at    timestamptz not null,
	revoked_at    timestamptz,
	revoke_reason text,
	last_used_at  timestamptz not null default now(), -- kept to the hour
	check ((revoked_at is null) = (revoke_reason is null))
);
create index grants_client on gatehouse.grants (client_id);
create index grants_subject on gatehouse.grants (subject);
create index grants_expires on gatehouse.grants (expires_at);
create index grants_revoked on gatehouse.grants (revoked_at) where revoked_at is not null;
create index grants_unredeemed on gatehouse.grants (created_at) where generation = 0;

create table gatehouse.code (
	code_hash      bytea primary key,
	pepper_id      text not null,
	grant_id       uuid not null unique references gatehouse.grants on delete cascade,
	redirect_uri   text not null,
	code_challenge text not null,
	created_at     timestamptz not null default now(),
	expires_at     timestamptz not null,
	used_at        timestamptz
);
create index code_expires on gatehouse.code (expires_at);

-- One per generation of a grant. Used ones stay, so that a stolen old one is recognised.
create table gatehouse.refresh_token (
	token_id   uuid primary key,
	token_hash bytea not null unique,
	pepper_id  text not null,
	grant_id   uuid not null references gatehouse.grants on delete cascade,
	generation int not null,
	created_at timestamptz not null default now(),
	used_at    timestamptz,
	successor  bytea,                           -- the pair this one was changed for, sealed under a key that only this token yields
	unique (grant_id, generation)
);
create index refresh_token_used on gatehouse.refresh_token (used_at) where used_at is not null;

create table gatehouse.access_token (
	token_id   uuid primary key,
	token_hash bytea not null unique,
	pepper_id  text not null,
	grant_id   uuid not null references gatehouse.grants on delete cascade,
	generation int not null,
	scope      text not null,                   -- the grant's, or less (RFC 6749, 6)
	created_at timestamptz not null default now(),
	expires_at timestamptz not null,
	revoked_at timestamptz,
	unique (grant_id, generation)
);
create index access_token_expires on gatehouse.access_token (expires_at);
