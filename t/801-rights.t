#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# What each role may do, and every statement under its role: right, typed as it says, by an index.
use strict;
use warnings;
use Test::More;

use Gatehouse::Pg;

my $pg = Gatehouse::Pg->new;
my @programs = qw(oauth consent connect mcp console);
my $roles = join ', ', map { "'gatehouse_$_'" } @programs;
$pg->migrate;

# ---- roles ----

is($pg->psql("select string_agg(rolname, ' ') from pg_roles where rolname in ($roles)
	and (rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls or not rolcanlogin)"), '',
	'no program has a power of its own');
is($pg->psql("select string_agg(m.member::regrole::text, ' ') from pg_auth_members m
	where m.member in (select oid from pg_roles where rolname in ($roles))"), '',
		'or is a member of anything');
is($pg->psql("select string_agg(r.rolname, ' ') from pg_roles r where r.rolname in ($roles)
	and (has_schema_privilege(r.rolname, 'gatehouse', 'create')
	or not has_schema_privilege(r.rolname, 'gatehouse', 'usage'))"), '',
	'each may look into the schema, and make nothing there');

# ---- tables ----

is($pg->psql("select string_agg(r.rolname || ' ' || c.relname, ', ') from pg_roles r, pg_class c
	where r.rolname in ($roles) and c.relnamespace = 'gatehouse'::regnamespace and c.relkind in ('r', 'p', 'v', 'm')
	and (has_table_privilege(r.oid, c.oid, 'select, insert, update, delete, truncate, references, trigger')
	or has_any_column_privilege(r.oid, c.oid, 'select, insert, update, references'))"), '',
	'no program has any right to any table');
is($pg->psql("select string_agg(r.rolname || ' ' || c.relname, ', ') from pg_roles r, pg_class c
	where r.rolname in ($roles) and c.relnamespace = 'gatehouse'::regnamespace and c.relkind = 'S'
	and has_sequence_privilege(r.oid, c.oid, 'usage, select, update')"), '', 'or sequence');
ok(!eval { $pg->psql_as('mcp', 'select * from gatehouse.client'); 1 }, 'as mcp finds out');

# ---- functions ----

my %for;
for my $file (glob "$ENV{top_srcdir}/sql/fn/*.sql") {
	open my $in, '<', $file or die "$file: $!";
	my $line = '';
	while (<$in>) {
		$line = $1 if /^-- for: (.*)/;
		$for{$1} = { map { $_ => 1 } split ' ', $line } if /^create or replace function gatehouse\.(\w+)/;
	}
}
my (@wrong, %seen);
for (split /\n/, $pg->psql("select p.proname, substr(r.rolname, 11), has_function_privilege(r.oid, p.oid, 'execute')
	from pg_proc p, pg_roles r where p.pronamespace = 'gatehouse'::regnamespace and r.rolname in ($roles)")) {
	my ($function, $program, $may) = split /\|/;
	$seen{$function} = 1;
	push @wrong, "$program $function" if ($may eq 't') != !!$for{$function}{$program};
}
is("@wrong", '', 'each program may execute exactly the functions made for it');
is(join(' ', grep { !$seen{$_} } sort keys %for), '', 'no function is missing from the database');
cmp_ok(keys %seen, '>', 20, 'they were all looked at');
is($pg->psql("select string_agg(proname, ' ') from pg_proc p,
	aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x
	where p.pronamespace = 'gatehouse'::regnamespace and x.grantee = 0"), '',
		'none is for everybody');
is($pg->psql("select string_agg(distinct p.proname, ' ') from pg_proc p, pg_roles r
	where p.pronamespace = 'gatehouse'::regnamespace and r.rolname in ($roles)
	and has_function_privilege(r.oid, p.oid, 'execute')
	and not (p.prosecdef and p.proconfig @> array['search_path=gatehouse, pg_temp']
		and p.prolang = (select oid from pg_language where lanname = 'plpgsql'))"), '',
	'each that a program may call is plpgsql, security definer, with a fixed search path');

# ---- what mcp may do, and oauth believes ----

my $keys = "'https://idp.example/jwks'";
$pg->psql_as('oauth', "select gatehouse.provider_document_put($keys, 'of oauth', 600)");
is($pg->psql_as('mcp', "select count(*) from gatehouse.provider_document_find($keys)"), '0', 'a document that oauth fetched is not for mcp');
$pg->psql_as('mcp', "select gatehouse.provider_document_put($keys, 'of mcp', 600)");
is($pg->psql_as('oauth', "select body from gatehouse.provider_document_find($keys)"), 'of oauth', 'mcp cannot choose the keys that oauth trusts');
is($pg->psql_as('mcp', "select body from gatehouse.provider_document_find($keys)"), 'of mcp', '... but has its own copy');
is($pg->psql_as('mcp', "select may from gatehouse.provider_document_ask($keys, 600)"), 't', 'it may ask for it');
is($pg->psql_as('oauth', "select may from gatehouse.provider_document_ask($keys, 600)"), 't', '... which keeps oauth from nothing');
is($pg->psql_as('oauth', "select may from gatehouse.provider_document_ask($keys, 600)"), 'f', '... that it does itself');

my ($login, $lease, $other) = map { "'00000000-0000-4000-8000-00000000000$_'" } 1 .. 3;
$pg->psql("insert into gatehouse.login (login_id, issuer, subject, renew_id, renew_until)
	values ($login, 'i', 'signed-in', $lease, now() + interval '1 minute')");
$pg->psql("insert into gatehouse.browser_session (session_hash, pepper_id, subject, login_id, claims, expires_at)
	values ('\\x02', 'x', 'signed-in', $login, 'old', now() + interval '1 day')");
my $session = sub { return $pg->psql("select claims from gatehouse.browser_session where subject = 'signed-in'") };
my $renew = sub { my ($program, $id, $outcome) = @_; return eval { $pg->psql_as($program, "select gatehouse.login_renew($login, $id, '$outcome', 'new', null, 'x')"); 1 } };
my $old = $session->();
ok($renew->('mcp', $other, 'renewed'), 'a renewal without the lease');
is($session->(), $old, '... changes nothing');
ok($renew->('oauth', $other, 'lost'), 'for oauth too');
is($session->(), $old, '... nothing');
ok(!$renew->('mcp', $lease, 'lost') && $@ =~ /only oauth/, 'mcp may end nothing that hangs on a sign-in, with the lease either');
is($session->(), $old, '... and has not');
ok($renew->('mcp', $lease, 'renewed'), 'with the lease it renews');
isnt($session->(), $old, '... what is there');
ok($renew->('oauth', $lease, 'lost'), 'oauth may end it');
is($session->(), '', '... and has');

# ---- the audit trail ----

$pg->psql(q{select gatehouse.audit_add('x', null, null, null, null)});
for ('update gatehouse.audit set action = null', 'delete from gatehouse.audit', 'truncate gatehouse.audit') {
	ok(!eval { $pg->psql($_); 1 } && $@ =~ /append-only/, "the audit trail: even its owner may not $_");
}

# ---- statements ----

my @files = glob "$ENV{top_srcdir}/sql/stmt/*.sql";
open my $list, '-|', $^X, "$ENV{top_srcdir}/sql/gen-stmt.pl", '--list', @files or die "gen-stmt.pl: $!";
my %dummy = (
	text => "'x'", uuid => "'00000000-0000-4000-8000-000000000000'", bytea => "'\\x01'", 'bytea[]' => "array['\\x01'::bytea]",
	'text[]' => "array['x']", int4 => '1', int8 => '1', bool => 'true', jsonb => "'{}'", 'int8[]' => 'array[1::int8]',
	inet => "'192.0.2.1'", timestamptz => 'now()', 'timestamptz[]' => 'array[now()]', 'uuid[]' => "array['00000000-0000-4000-8000-000000000000'::uuid]",
);
my %name = (int4 => 'integer', int8 => 'bigint', bool => 'boolean', 'int8[]' => 'bigint[]',
	timestamptz => 'timestamp with time zone', 'timestamptz[]' => 'timestamp with time zone[]');
# where a dummy is refused: fields and modes of filters
my $asked = "now() - interval '2 days', now()";
my %real = (
	analytics_panel => "'tool', $asked, 3600, '{client,outcome}', '{equals,class}', '{x,failed}', 'calls', 5, 0",
	analytics_calls => "$asked, '{tool,status}', '{contains,class}', '{x,5xx}', null, null, 5",
);
my %calls;    # on the way of requests
while (<$list>) {
	chomp;
	my ($name, $shape, $programs, $types, $sql) = split /\t/;
	my @types = split ' ', $types;
	my @args = map { $dummy{$_} // die "$name: no dummy for $_" } @types;
	my $execute = $name . (@args ? '(' . ($real{$name} || join(', ', @args)) . ')' : '');

	$calls{$name} = "prepare $name as $sql;\nexecute $execute;";
	for my $program (split ' ', $programs) {
		my $role = $program eq 'admin' ? 'admin' : $program;
		my $out = eval {
			$pg->psql_as($role, "prepare $name as $sql;\nexplain execute $execute;\n"
				. "select 'types: ' || coalesce(array_to_string(parameter_types, ' '), '') from pg_prepared_statements");
		} // $@;
		my ($got) = $out =~ /^types: (.*)/m;
		is($got, join(' ', map { $name{$_} || $_ } @types), "$name runs as $program, with the types that it declares")
		    or diag $out;
	}
}
close $list;
is($?, 0, 'the statements are sound');

# ---- indexes ----

# With real rows behind it, the check of a token reads everything that it ever reads.
$pg->psql(<<'SQL');
insert into gatehouse.client (client_id, name, auth_method, redirect_uris, metadata)
values ('c', 'c', 'none', '{}', '{}');
insert into gatehouse.grants (grant_id, client_id, subject, resource, operation_id, scope, generation, expires_at)
values ('00000000-0000-4000-8000-000000000000', 'c', 's', 'r', 'o', 'x', 1, now() + interval '1 day');
insert into gatehouse.access_token (token_id, token_hash, pepper_id, grant_id, generation, scope, expires_at)
values ('00000000-0000-4000-8000-000000000000', '\x01', 'x', '00000000-0000-4000-8000-000000000000', 1, 'x',
	now() + interval '1 day');
insert into gatehouse.refresh_token (token_id, token_hash, pepper_id, grant_id, generation)
values ('00000000-0000-4000-8000-000000000000', '\x01', 'x', '00000000-0000-4000-8000-000000000000', 1);
insert into gatehouse.browser_session (session_hash, pepper_id, subject, expires_at)
values ('\x01', 'x', 's', now() + interval '1 day');
insert into gatehouse.login (login_id, issuer, subject, renew_id)
values ('00000000-0000-4000-8000-000000000000', 'x', 's', '00000000-0000-4000-8000-000000000000');
SQL
my $explain = sub {
	my ($sql) = @_;
	return eval {
		$pg->psql("load 'auto_explain'; set auto_explain.log_min_duration = 0;\n"
			. "set auto_explain.log_nested_statements = on; set enable_seqscan = off;\n"
			. "set client_min_messages = log; begin;\n$sql\nrollback;");
	} // $@;
};
like($explain->("do \$\$ begin perform from gatehouse.client where name = 'c'; end \$\$;"),
	qr/Seq Scan on client/, 'a statement that reads a whole table would be seen');
# (An operator's look at everything that hangs on a key reads everything; t/560 looks at the pages of reencrypt.)
for my $name (grep { !/^events_|_step$|^schema_|^pepper_|^sealed_|^reencrypt_/ } sort keys %calls) {
	my $out = $explain->($calls{$name});
	my @scans = $out =~ /(Seq Scan on \w+)/g;
	like($out, qr/Query Text/, "$name: its inner statements are seen");
	is("@scans", '', "$name finds its rows by an index") or diag $out;
}

done_testing();
