-- compatible-from: 0004
--
-- Connections to upstreams: each user's tokens at each OAuth-protected MCP server, and how they are
-- come by.
--
-- Tokens, secrets and verifiers are sealed under the vault key before they come here; their
-- additional data names table, column, row, subject, upstream and issuer, so that a blob that is
-- moved to another place opens nothing. Cookies and states are keyed hashes, as everywhere.
-- A subject of '' stands for the connection that everybody shares.

-- What an authorization server knows us as (RFC 7591). What belongs to one issuer never goes to
-- another: that is why the issuer is in the key. Rows stay while connections were made with them.
create table gatehouse.upstream_registration (
	registration_id uuid primary key,
	upstream_id     text not null,
	issuer          text not null,
	redirect_uri    text not null,              -- the callback that was registered: one per public origin
	client_id       text not null,
	client_secret   bytea,                      -- sealed
	auth_method     text not null check (auth_method in ('none', 'client_secret_basic', 'client_secret_post')),
	created_at      timestamptz not null default now(),
	expires_at      timestamptz,                -- of the secret; null: never
	replaced_at     timestamptz,                -- a newer one is in use
	check ((auth_method = 'none') = (client_secret is null))
);
create unique index upstream_registration_current
	on gatehouse.upstream_registration (upstream_id, issuer, redirect_uri) where replaced_at is null;

create table gatehouse.connection (
	connection_id       uuid primary key,
	upstream_id         text not null,
	subject             text not null,
	state               text not null default 'connected' check (state in ('connected', 'reconsent_required')),
	state_reason        text,
	issuer              text not null,
	resource            text not null,          -- as it was asked for, and is at every refresh
	token_endpoint      text not null,          -- kept: a changed document sends no token elsewhere
	revocation_endpoint text,
	client_kind         text not null check (client_kind in ('manual', 'document', 'registered')),
	client_id           text not null,
	registration_id     uuid references gatehouse.upstream_registration,
	requested_scope     text not null,          -- what was asked for, blanks between
	scope               text not null,          -- what was given
	wanted_scope        text,                   -- what a 403 of the upstream asked for since
	access_token        bytea not null,         -- sealed
	refresh_token       bytea,                  -- sealed; null: the provider gave none
	expires_at          timestamptz,            -- of the access token; null: it does not say
	generation          int not null default 1, -- counts refreshes
	renewed_by          uuid,                   -- the refresh that made this generation
	lease_by            uuid,                   -- who refreshes at this moment
	lease_until         timestamptz,
	created_at          timestamptz not null default now(),
	refreshed_at        timestamptz not null default now(),
	unique (upstream_id, subject),
	check ((client_kind = 'registered') = (registration_id is not null)),
	check ((lease_by is null) = (lease_until is null))
);
create index connection_subject on gatehouse.connection (subject);
create index connection_registration on gatehouse.connection (registration_id);

-- One attempt to connect: from the redirect to the upstream's authorization server to its answer.
create table gatehouse.connect_attempt (
	attempt_id          uuid primary key,
	state_hash          bytea not null,
	browser_hash        bytea not null,         -- of a cookie made for this attempt
	pepper_id           text not null,
	upstream_id         text not null,
	subject             text not null,
	operation_id        text not null,
	request_id          uuid,                   -- the consent page to go back to
	verifier            bytea not null,         -- of PKCE, sealed
	issuer              text not null,
	iss_required        boolean not null,       -- the server says that it sends iss (RFC 9207)
	resource            text not null,
	scope               text not null,
	token_endpoint      text not null,
	revocation_endpoint text,
	client_kind         text not null,
	client_id           text not null,
	registration_id     uuid references gatehouse.upstream_registration,
	auth_method         text not null,
	redirect_uri        text not null,
	created_at          timestamptz not null default now(),
	expires_at          timestamptz not null,
	used_by             uuid                    -- the request that took the answer
);
create index connect_attempt_expires on gatehouse.connect_attempt (expires_at);
create index connect_attempt_registration on gatehouse.connect_attempt (registration_id);

-- Tickets that were spent, until they would have expired. (A ticket itself is sealed text in a URL.)
create table gatehouse.connect_ticket (
	ticket_id  uuid primary key,
	attempt_id uuid not null,                   -- what it was spent on
	expires_at timestamptz not null
);
create index connect_ticket_expires on gatehouse.connect_ticket (expires_at);
