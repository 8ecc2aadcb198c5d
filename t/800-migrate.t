#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# gatehousectl migrate: from nothing, again, at the same time, backwards.
use strict;
use warnings;
use POSIX ();
use Test::More;

use Gatehouse::Pg;

my $pg = Gatehouse::Pg->new(private => 1);
my $dump = sub {
	$_[0]->psql(<<'SQL');
select 't', oid::regclass::text, relkind::text, relowner::regrole::text, relacl::text from pg_class
where relnamespace = 'gatehouse'::regnamespace
union all
select 'f', oid::regprocedure::text, md5(prosrc), proowner::regrole::text, proacl::text from pg_proc
where pronamespace = 'gatehouse'::regnamespace
union all
select 'r', rolname, rolcanlogin::text, rolsuper::text, rolconfig::text from pg_roles where rolname like 'gatehouse%'
union all
select 'v', number::text, name, compatible_from::text, '' from gatehouse.schema_version
order by 1, 2
SQL
};
my @schema = glob "$ENV{top_srcdir}/sql/schema/*.sql";
my ($newest) = map { m{/0*(\d+)-[^/]*$} } $schema[-1];

sub outcome {
	my ($p, @options) = @_;
	my $text = eval { $p->migrate(@options) };
	return defined $text ? "done: $text" : "failed: $@";
}

# ---- from nothing ----

like(outcome($pg, '--dry-run'), qr/^done: would apply 0001-core\n.*nothing was changed$/s,
	'a dry run says what would be done');
is($pg->psql("select count(*) from pg_namespace where nspname = 'gatehouse'")
	+ $pg->psql("select count(*) from pg_roles where rolname like 'gatehouse%'"), 0,
		'and does nothing');
like(outcome($pg), qr/^done: applied 0001-core\napplied 0002-oauth\n.*schema $newest: up to date now/s,
	'an empty database is filled');
is($pg->psql('select count(*) from gatehouse.schema_version'), @schema, 'every file has its row');
is($pg->psql("select rolcanlogin from pg_roles where rolname = 'gatehouse'"), 'f',
	'the owner cannot log in');

# ---- again ----

my $before = $dump->($pg);
like(outcome($pg), qr/^done: schema $newest: nothing to apply/,
	'a second run has nothing to apply');
is($dump->($pg), $before, 'and changes nothing');
$pg->psql('create or replace function gatehouse.audit_add(p_action text, p_actor text, p_object text,
	p_client_id text, p_request_id text, p_detail jsonb default \'{}\') returns void
	language plpgsql as $$ begin end $$;
	grant execute on function gatehouse.audit_add to public, gatehouse_mcp');
outcome($pg);
is($dump->($pg), $before, 'a function or a right that was changed by hand is put back');

# ---- as the administrator, who is no superuser ----

like(do {
	my $admin = $pg->conninfo_of('admin');
	my $out = `'$ENV{top_builddir}/bin/gatehousectl' migrate --database '$admin' 2>&1`;
	"$? $out";
}, qr/^0 schema $newest/, 'later runs need no superuser: gatehouse_admin can');

# ---- at the same time ----

$pg->psql('drop schema gatehouse cascade');
my @pids;
for (1 .. 6) {
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		open STDOUT, '>', '/dev/null';
		open STDERR, '>', '/dev/null';
		exec "$ENV{top_builddir}/bin/gatehousectl", 'migrate', '--database', $pg->superuser_conninfo
		    or POSIX::_exit(9);
	}
	push @pids, $pid;
}
is(join(' ', map { waitpid $_, 0; $? } @pids), '0 0 0 0 0 0', 'six at once all succeed');
is($dump->($pg), $before, 'and leave what one leaves');

# Roles belong to the cluster: two databases that are migrated at once meet there.
{
	local $ENV{GATEHOUSE_TEST_PG} = $pg->server_conninfo;
	my @two = map { Gatehouse::Pg->new } 1 .. 4;
	$pg->psql('drop schema gatehouse cascade');
	for my $role (qw(oauth consent connect mcp console admin)) {
		$pg->psql("drop owned by gatehouse_$role; drop role gatehouse_$role");
	}
	$pg->psql('drop owned by gatehouse; drop role gatehouse');
	@pids = ();
	for my $p (@two) {
		my $pid = fork // die "fork: $!";
		if (!$pid) {
			my $text = outcome($p);
			print STDERR "# $text\n" if $text !~ /^done/;
			POSIX::_exit($text =~ /^done/ ? 0 : 1);
		}
		push @pids, $pid;
	}
	is(join(' ', map { waitpid $_, 0; $? } @pids), '0 0 0 0',
		'four databases of one cluster at once succeed');
	is($dump->($_), $before, 'and each is complete') for @two;
	$_->stop for @two;
}
outcome($pg);

# ---- refusals ----

my $set = 'insert into gatehouse.schema_version (number, name, compatible_from) values';
$pg->psql("$set (9000, '9000-future', 9000)");
like(outcome($pg), qr/^failed: .*at schema 9000.*newer release/s, 'a newer database is refused');
is($pg->psql('select max(number) from gatehouse.schema_version'), 9000, 'and left alone');
$pg->psql('delete from gatehouse.schema_version where number = 9000');
like(outcome($pg, '--single-role'), qr/^failed: .*leave --single-role out/s,
	'a database with roles is not made one of a single role');

# ---- a single role ----

{
	local $ENV{GATEHOUSE_TEST_PG} = $pg->server_conninfo;
	my $host = Gatehouse::Pg->new;
	$pg->psql('create role tenant login');
	(my $tenant = $host->superuser_conninfo) =~ s/user=\S+/user=tenant/;
	$host->psql("grant create on database $host->{database} to tenant");
	my $run = sub { my $out = `'$ENV{top_builddir}/bin/gatehousectl' migrate --database '$tenant' @_ 2>&1`; "$? $out" };
	like($run->(), qr/^256 .*CREATEROLE.*ERROR:/s,
		'without CREATEROLE, migrate says what it needs');
	like($run->('--single-role'), qr/^0 applied 0001.*schema $newest: up to date/s,
		'on a host that gives one role, --single-role needs no other');
	is($host->psql("select distinct proowner::regrole || ' ' || proacl::text from pg_proc
		where pronamespace = 'gatehouse'::regnamespace"), 'tenant {tenant=X/tenant}',
			'which alone may do everything');
	like($run->('--single-role'), qr/^0 schema $newest: nothing to apply/,
		'a second time, too');
	like($run->(), qr/^256 .*repeat it/s, 'leaving the option out is noticed');
	$host->stop;
}

done_testing();
