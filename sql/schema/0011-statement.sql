-- compatible-from: 0004
--
-- What identity providers signed for one use: assertions that were changed for a token, and notices that
-- somebody signed out. None serves twice, at whatever worker.
create table gatehouse.statement (
	statement_hash bytea primary key,           -- SHA-256 of its kind, issuer, subject and jti
	use_id         uuid not null,               -- of the request: its repetition is no second use
	expires_at     timestamptz not null         -- from when on it would be refused anyway
);
create index statement_expires on gatehouse.statement (expires_at);
