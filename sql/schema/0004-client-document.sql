-- compatible-from: 0003
--
-- Clients that are a document: the client_id is an https URL, and what stands there is the
-- registration. And clients that prove with a signature who they are (private_key_jwt).

alter table gatehouse.client
	drop constraint client_kind_check,
	drop constraint client_auth_method_check,
	drop constraint client_check, -- a secret for every method but 'none'
	add constraint client_kind_check check (kind in ('registered', 'document')),
	add constraint client_auth_method_check
		check (auth_method in ('none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt')),
	add constraint client_secret_check
		check ((auth_method in ('client_secret_basic', 'client_secret_post')) = (secret_hash is not null)),
	add constraint client_document_check check (kind <> 'document' or secret_hash is null);

-- How long the copy of a document in `client` counts. It may be used for a little longer where the
-- document cannot be fetched: see src/oauth/cimd.h.
create table gatehouse.client_document (
	client_id   text primary key references gatehouse.client on delete cascade,
	etag        text,                           -- to ask whether it has changed
	checked_at  timestamptz not null,           -- when it last came, or was said to be unchanged
	fresh_until timestamptz not null
);

-- The key sets behind jwks_uri, of clients of both kinds.
create table gatehouse.client_keys (
	client_id   text primary key references gatehouse.client on delete cascade,
	jwks_uri    text not null,                  -- where it came from: another address, another set
	jwks        text not null,
	fetched_at  timestamptz not null,
	fresh_until timestamptz not null
);

-- Signed statements that were used, until they expire: none serves twice.
create table gatehouse.assertion (
	client_id  text not null references gatehouse.client on delete cascade,
	jti_hash   bytea not null,                  -- SHA-256 of the jti, which may be long
	use_id     uuid not null,                   -- of the request: its repetition is no second use
	expires_at timestamptz not null,
	primary key (client_id, jti_hash)
);
create index assertion_expires on gatehouse.assertion (expires_at);

-- Where the code of a grant went. A document may take a redirect URI back, and with it what was
-- given through it. Null: a grant made before this was kept.
alter table gatehouse.grants add column redirect_uri text;
