#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# A database that hangs, restarts, or is not what it should be.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);

use Gatehouse::Drive;
use Gatehouse::Pg;
use Gatehouse::Run qw(wait_until);
use Gatehouse::Wire;

my $pg = Gatehouse::Pg->new(private => 1);

# ---- not set up ----

my $early = Gatehouse::Drive->new(pg => $pg);
like($early->ask('call'), qr/^database_login \d+ .*gatehousectl migrate/,
	'a role that is missing is a fault of the configuration that names the command');
$early->end;
like($early->log, qr/role \\"gatehouse_mcp\\" does not exist/, 'the log says which role');
$early = Gatehouse::Drive->new(conninfo => $pg->superuser_conninfo);
like($early->ask('call'), qr/^database_schema \d+ .*gatehousectl migrate/,
	'a schema that is missing is one, too');
undef $early;
$pg->migrate;

for my $conninfo ('host=/nowhere password=se cret user=x', 'postgresql://x:se%zzcret@/db', 'password=\'secret') {
	$early = Gatehouse::Drive->new(conninfo => $conninfo);
	like($early->ask('call'), qr/^database_string \d+ .*malformed/, 'a connection string that is none is said to be');
	$early->end;
	unlike($early->log, qr/cret/, '... without a part of it in the log');
}
undef $early;

# ---- hanging ----

for my $prepare (1, 0) {
	my $how = $prepare ? 'prepared statements' : 'no prepared statements';
	my $drive = Gatehouse::Drive->new(pg => $pg, statement_ms => 1000, prepare => $prepare);

	like($drive->ask('call'), qr/^ok /, "with $how a statement runs");
	like($drive->ask('call'), qr/^ok [0-9]{1,2}$/, "with $how it runs again");
	$pg->freeze;
	my ($reason, $ms) = split ' ', $drive->ask('call');
	is($reason, 'database_timeout', 'a stopped server is a time-out');
	cmp_ok($ms, '<', 1900, 'within the deadline, not within two');
	my $load = $drive->numbers('load 8 2000');
	is("$load->{ok} $load->{other}", '0 0', 'eight threads are told that it is unavailable');
	cmp_ok($load->{unavailable}, '>', 50,
		'most of them at once: nobody queues behind the dead');
	cmp_ok($load->{slowest}, '<', 1900, 'and none past the deadline');
	$pg->thaw;
	my $refused = 0;
	sleep 0.01 until $drive->ask('call') =~ /^ok/ || ++$refused == 1000;
	cmp_ok($refused, '<', 200, 'it is served again soon after its return');
}

# ---- slow by its nature ----

{
	my $drive = Gatehouse::Drive->new(pg => $pg, statement_ms => 20_000);
	like($drive->ask('call'), qr/^ok /, 'a statement runs');
	open my $holder, '|-', 'psql', '-XqAt', '-o', '/dev/null', $pg->superuser_conninfo or die "psql: $!";
	$holder->autoflush;
	print {$holder} "begin; lock table gatehouse.schema_version;\n";
	ok(wait_until(20, sub { $pg->psql("select count(*) from pg_locks where relation = 'gatehouse.schema_version'::regclass and mode = 'AccessExclusiveLock' and granted") }),
		'(the table is locked)');
	like($drive->ask('long 300'), qr/^database_timeout /, 'work that takes longer than it may is ended');
	print {$holder} "rollback;\n\\q\n";
	close $holder;
	like($drive->ask('call'), qr/^ok /, '... and is no sign that the server is away: others go on');
	$drive->end;
	unlike($drive->log, qr/database is away/, '... nor does the log say so');
}

# ---- restarting ----

my $drive = Gatehouse::Drive->new(pg => $pg);
$drive->ask('call');
$drive->say('load 8 4000');
sleep 0.5;
my $longest = 0;
for (1 .. 3) {
	my $began = time;
	$pg->restart;
	$longest = time - $began if time - $began > $longest;
	sleep 0.6;
}
my $load = $drive->numbers;
is($load->{other}, 0, 'three restarts under load: every call succeeds, or is told to come back');
cmp_ok($load->{ok}, '>', 1000, 'most succeed');
cmp_ok($load->{gap}, '<', 1000 * $longest + 1800, 'no thread is without service for long after a restart');
$pg->restart;
like($drive->ask('call'), qr/^ok /, 'connections that died while idle are not noticed');

# ---- killed connections ----

$drive->say('load 8 1500');
for (1 .. 10) {
	$pg->psql("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'gatehouse_mcp'");
	sleep 0.1;
}
$load = $drive->numbers;
is("$load->{unavailable} $load->{other}", '0 0',
	'connections killed under load are replaced unnoticed');

$drive->ask('load 4 50');
$pg->psql('select pg_terminate_backend(pid) from pg_stat_activity where usename = \'gatehouse_mcp\'');
my ($n) = $drive->ask('load 1 300') =~ /^ok (\d+) unavailable 0 other 0/;
ok($n, 'a whole idle pool may be dead');

# Backends that are ended and cannot say so yet: only the one that the call has gets on, and a pool that takes another
# for the second try waits for ever.
$drive->ask('load 4 50');
$drive->ask('call');
my @backends = split /\n/, $pg->psql("select pid from pg_stat_activity where usename = 'gatehouse_mcp' order by state_change desc");
cmp_ok(scalar @backends, '>', 1, 'there are more connections than one');
kill STOP => @backends;
$pg->psql("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'gatehouse_mcp'");
$drive->say('call');
sleep 0.2;
kill CONT => shift @backends;
like($drive->answer, qr/^ok /, 'what is tried again has a connection of its own, not one that may be as dead');
kill CONT => @backends;
$drive->end;

# ---- connections cut on their way ----

my $wire = Gatehouse::Wire->new($pg);
$drive = Gatehouse::Drive->new(conninfo => $wire->conninfo);
$drive->ask('call');
$wire->hold('new');
$drive->say('load 2 1000');
sleep 0.5;    # one has the connection, the other makes one
$wire->cut;
$load = $drive->numbers;
is("$load->{unavailable} $load->{other}", '0 0', 'a connection that is cut while it is made does not mean that the server is away');
cmp_ok($load->{ok}, '>', 1, 'both calls go on');
$drive->end;
$wire->stop;
$drive = Gatehouse::Drive->new(pg => $pg);

# ---- notifications ----

# Waits until it has heard that.
sub heard {
	my ($want) = @_;
	my (@heard, $state);
	my $end = time + 8;

	do {
		sleep 0.05;
		push @heard, split ' ', $drive->ask('heard');
		$state = pop @heard;
	} until "@heard $state" eq $want || time > $end;
	return "@heard $state";
}

is($drive->ask('heard'), 'stale', 'before it listens, nothing is fresh');
$drive->say('listen');
is(heard('(all) fresh'), '(all) fresh', 'once it listens, everything before counts as missed');
$pg->psql("select pg_notify('gatehouse', 'token:1'); select pg_notify('gatehouse', 'grant:2')");
is(heard('token:1 grant:2 fresh'), 'token:1 grant:2 fresh', 'notifications arrive in order');
sleep 6;
is($drive->ask('heard'), 'fresh', 'in silence it stays fresh, as it asks');
$pg->freeze;
sleep 5.2;
is($drive->ask('heard'), 'stale', 'a server that hangs is stale after 5 s');
$pg->thaw;
is(heard('(all) fresh'), '(all) fresh', 'after its return everything counts as missed');
$pg->psql("select pg_terminate_backend(pid) from pg_stat_activity where query like 'select pg_backend_pid()%' or query like 'listen%'");
is(heard('(all) fresh'), '(all) fresh', 'so it does after a lost connection');
$drive->end;
unlike($drive->log, qr/"level":"error"/, 'none of all this is an error');

# ---- a limit on the roles ----

is($pg->psql_as('mcp', 'show statement_timeout'), '2900ms',
	'the server ends what the programs gave up');
$pg->psql("create function gatehouse.nap() returns void language sql as 'select pg_sleep(90)';"
	. 'grant execute on function gatehouse.nap() to gatehouse_mcp');
my $began = time;
ok(!eval { $pg->psql_as('mcp', 'select gatehouse.nap()'); 1 }, 'a statement that sleeps is ended');
cmp_ok(time - $began, '<', 60, 'before its end');

done_testing();
