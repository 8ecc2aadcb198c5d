-- compatible-from: 0010
--
-- Tools as somebody approved them (mcp-tool-pinning-inbound): what an upstream says of a tool goes into a model's context, and
-- may change on any day.

-- A route whose tools were seen. While its first list is still under way they may be trusted.
create table gatehouse.tool_route (
	operation_id text primary key,
	begun_at     timestamptz not null default now(),
	learned_at   timestamptz                -- the first list has come to its end
);

-- A tool is shown while what was seen last is what was approved.
create table gatehouse.tool_pin (
	operation_id  text not null references gatehouse.tool_route,
	tool          text not null,
	approved_hash bytea,                    -- SHA-256 of its definition; null: never approved
	approved_at   timestamptz,
	approved_by   text,
	seen_hash     bytea not null,
	seen_at       timestamptz not null,     -- since when the upstream has said so
	primary key (operation_id, tool)
);

-- The definitions behind the hashes, for people to compare: the last few of each tool.
create table gatehouse.tool_definition (
	operation_id text not null,
	tool         text not null,
	hash         bytea not null,
	definition   text not null,             -- canonical JSON; a very long one is cut
	seen_at      timestamptz not null,
	primary key (operation_id, tool, hash),
	foreign key (operation_id, tool) references gatehouse.tool_pin on delete cascade
);
