#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# gatehousectl doctor on this machine and in the database: each check meets the fault that it names.

use strict;
use warnings;

use File::Basename qw(dirname);
use File::Temp ();
use IO::Socket::IP;
use JSON::PP ();
use Test::More;

use Gatehouse::Calls qw(sum_up);
use Gatehouse::Doctor;
use Gatehouse::Http qw(request);
use Gatehouse::Pg;
use Gatehouse::Pooler;
use Gatehouse::Run qw(bin_path find_program wait_until write_file);
use Gatehouse::Server;

my $upstream = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => 0, Listen => 64) or die $@;
my %routes = ('/mcp/a' => { upstream => 'http://127.0.0.1:' . $upstream->sockport . '/mcp' });
my $pg = Gatehouse::Pg->new(private => 1);
my $gw = Gatehouse::Server->new(pg => $pg, routes => \%routes);
my $doctor = Gatehouse::Doctor->new($gw);
my $state = $gw->run->dir . '/state';
my $project = $gw->project;

# ---- a healthy one ----

for my $program (qw(discovery oauth consent mcp)) {
	wait_until(10, sub { request(GET => $gw->url("/health/$program/healthz"))->{status} == 200 });
}

my ($status, $report) = $doctor->look;
is($status, 0, 'a healthy gateway passes') or diag explain [grep { $_->{result} ne 'ok' } @{ $report->{checks} }];
is($report->{errors}, 0, 'without an error');
cmp_ok(scalar @{ $report->{checks} }, '>=', 25, 'many things were looked at');
is(join(' ', map { $_->{name} } grep { $_->{result} !~ /^(?:ok)$/ } @{ $report->{checks} }), 'users provider',
	'and all but two are well');
is($doctor->result('provider'), 'skipped', 'nobody is asked about the development sign-in');
$doctor->finds('users', warning => qr/one Unix user/, qr/a Unix user for each/,
	'one user for all programs is worth a word', again => 1);
is(($doctor->look(options => ['--strict']))[0], 1, 'with --strict a warning fails');
my ($code, $text) = $gw->ctl('doctor');
is($code, 0, 'the text says the same');
like($text, qr/^ok       keys: /m, 'of what is well');
like($text, qr/^warning  users: .*\n +-> /m, 'and of what is not, with the remedy');
is(($gw->ctl('doctor', '--what'))[0], 2, 'an unknown option is told from a fault');
is(($gw->ctl('doctor', '--url', 'mcp.example'))[0], 2, 'so is a URL that is none');
is(($gw->ctl('doctor', 'key'))[0], 2, 'and a check that there is not');

# ---- what is told to others ----

$gw->write_project(routes => \%routes, gateway => { alerts => { to => [{ type => 'mail', address => 'operator@example.com' }], sendmail => '/nonexistent/sendmail' } });
$doctor->finds('mail', warning => qr{/nonexistent/sendmail is no program}, qr/msmtp-mta.*alerts\.sendmail/, 'mail without a program that takes it');
SKIP: {
	skip 'this machine sends alerts', 1 if glob('/etc/systemd/system/*.wants/gatehouse-alerts.timer');
	$doctor->finds('mail', warning => qr/no timer or crontab .* runs `gatehousectl alerts send`/, qr/systemctl enable --now gatehouse-alerts\.timer.*cron/,
		'mail that nobody sends', again => 1);
}
$gw->write_project(routes => \%routes, gateway => { alerts => { to => [{ type => 'mail', address => 'operator@example.com' }], sendmail => '/bin/true' } });
$doctor->look(options => ['mail']);
unlike(join(' ', $doctor->findings('mail')), qr/no program/, 'a program that can be run is one');
SKIP: {
	# timers and crontabs are looked for under another root
	my $root = File::Temp::tempdir('gh-etc-XXXXXX', TMPDIR => 1, CLEANUP => 1);
	chmod 0755, $root;
	write_file("$root/glob.c", <<'END');
#define _GNU_SOURCE
#include <dlfcn.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

int glob(const char *pattern, int flags, int (*failed)(const char *, int), glob_t *out)
{
	int (*next)(const char *, int, int (*)(const char *, int), glob_t *) =
	    (int (*)(const char *, int, int (*)(const char *, int), glob_t *))dlsym(RTLD_NEXT, "glob");
	char path[4096];

	snprintf(path, sizeof(path), "%s%s", getenv("GLOB_ROOT"), pattern);
	return next(path, flags, failed, out);
}
END
	my $cc = $ENV{CC} || 'cc';
	die 'the stand-in for glob does not compile' if system("$cc -shared -fPIC -o $root/glob.so $root/glob.c -ldl 2>$root/log");
	my @through = (find_program('env'), "LD_PRELOAD=$root/glob.so", "GLOB_ROOT=$root");
	skip 'the sanitizer wants to be loaded first', 8 if ($gw->run->command({}, @through, $gw->run->install(bin_path('gatehousectl')), '--version'))[0] != 0;
	my $unsent = sub { $doctor->finds('mail', warning => qr/no timer or crontab/, qr/gatehouse-alerts\.timer/, $_[0], through => \@through) };
	my $sent = sub { $doctor->finds_nothing('mail', $_[0], through => \@through) };
	$unsent->('a machine without timers and crontabs sends no mail');
	my $line = '* * * * * gatehouse /usr/bin/gatehousectl -c /etc/gatehouse alerts send';
	for my $file ('etc/crontab', 'etc/cron.d/gatehouse', 'var/spool/cron/crontabs/gatehouse') {
		system('mkdir', '-p', dirname("$root/$file")) == 0 or die;
		write_file("$root/$file", "# alerts send\n\t#$line\n* * * * * root true\n");
		$unsent->("nor is a remark in $file a line that does");
		write_file("$root/$file", "MAILTO=root\n$line\n");
		$sent->("one in $file is enough");
		unlink "$root/$file" or die $!;
	}
	system('mkdir', '-p', "$root/etc/systemd/system/timers.target.wants") == 0 or die;
	symlink '/nowhere', "$root/etc/systemd/system/timers.target.wants/gatehouse-alerts.timer" or die $!;
	$sent->('so is the timer, once it is enabled');
}
$gw->write_project(routes => \%routes, gateway => { events => { forward => [{ name => 'lines', type => 'file', path => '/dev/null' }] } });
$doctor->finds('forward', warning => qr/to 'lines' since it was named/, qr/consent\.fcgi.*events forward/, 'a destination that nobody knows');
$pg->psql("insert into gatehouse.event_destination (name, tx, spool, seen_at) values ('lines', '1', 100, now() - interval '1 hour')");
$doctor->finds('forward', warning => qr/to 'lines' since \d{4}-/, qr/consent\.fcgi.*events forward/, 'a destination to which nobody sends');
$pg->psql("update gatehouse.event_destination set failed = 'it does not answer' where name = 'lines'");
$doctor->finds_nothing('forward', 'one that fails, and says so elsewhere');
$pg->psql("update gatehouse.event_destination set failed = null, seen_at = now() where name = 'lines'");
$doctor->finds_nothing('forward', 'one that somebody sends to');
$pg->psql("delete from gatehouse.event_destination where name = 'lines'");
$gw->write_project(routes => \%routes);
$gw->write_project(routes => \%routes, gateway => { events => { retentionDays => 30 } });
$doctor->finds('retention', warning => qr/keeps events and sums for 90 and 400 days, the project says 30 and 400/, qr/gatehousectl reload/, 'a database that was not told for how long events are kept');
($code, $text) = $gw->ctl('reload');
is($code, 0, 'a reload') or diag $text;
is($pg->psql("select days || ' ' || sum_days from gatehouse.event_keep"), '30 400', '... tells it');
$doctor->finds_nothing('retention', 'no more');
$gw->write_project(routes => \%routes);
$gw->ctl('reload');

# ---- sums ----

sum_up($pg);
# of a transaction that is still to come: no program counts it meanwhile
$pg->psql("insert into gatehouse.event_queue (tx, family, n, from_at, to_at, at)
	values ('9223372036854775807', 'call', 1, now(), now(), now() - interval '20 minutes')");
$doctor->finds('rollup', warning => qr/not summed up for the operators' pages since 20 minutes/, qr/gatehousectl maintenance/,
	'calls that nobody sums up');
$pg->psql("delete from gatehouse.event_queue where tx = '9223372036854775807'");
$doctor->finds_nothing('rollup', 'no longer than that');

# ---- the project and its folders ----

$gw->write_project(routes => { %routes, '/mcp/b' => { %{ $routes{'/mcp/a'} }, inbound => ['no-such-policy'] } });
$doctor->finds('project', error => qr/routes\.oas\.json/, qr/./, 'an error of the configuration', with => ['snapshot']);
$doctor->finds('snapshot', warning => qr{config/routes\.oas\.json was edited}, qr/reload/,
	'what was edited and not published', again => 1);
$gw->write_file('gateway.jsonc', '{');
$doctor->finds('project', error => qr/gateway\.jsonc/, qr/./, 'a project that does not load', with => ['login']);
is($doctor->result('login'), 'skipped', 'then nothing else can be judged');
$gw->write_project(routes => \%routes);
$gw->ctl('reload');
$gw->write_project(env => { A => 'b' });
$doctor->finds('snapshot', warning => qr/\.env was edited/, qr/reload/, 'an edited .env');
chmod 0644, "$project/.env";
$doctor->finds('project', warning => qr/every user of this machine/, qr/chmod o-r/, 'an .env that is open to all');
chmod 0600, "$project/.env";

chmod 0777, $state;
$doctor->finds('state', error => qr/can write into/, qr/chmod o-w/, 'a state directory open to all');
chmod 0500, $state;
$doctor->finds('state', warning => qr/cannot publish/, qr/./, 'one that programs cannot write');
chmod 0700, $state;
rename $state, "$state.away";
$doctor->finds('state', error => qr/No such file/, qr/install -d/, 'one that is not there', with => ['snapshot']);
$doctor->finds('snapshot', warning => qr/nothing is published/, qr/reload/, 'nothing published', again => 1);
rename "$state.away", $state;

chmod 0644, "$project/keys/pepper";
$doctor->finds('keys', error => qr/pepper is open/, qr/chmod 0400/, 'a key that others can read');
chmod 0400, "$project/keys/pepper";
rename "$project/keys/session", "$project/keys/away";
$doctor->finds('keys', error => qr/session No such file/, qr/keys init/, 'a key file that is missing');
rename "$project/keys/away", "$project/keys/session";
rename "$project/keys/jwks.json", "$project/keys/away";
$doctor->finds('keys', error => qr/jwks\.json is missing/, qr/gatehousectl reload/, 'public keys that are not published');
rename "$project/keys/away", "$project/keys/jwks.json";

$gw->write_project(gateway => { log => { destination => '/nonexistent/gatehouse.log' } });
$doctor->finds('log', error => qr/cannot be written/, qr/destination/, 'a log that cannot be written');
$gw->write_project(gateway => {});
$gw->ctl('reload');

if ($> == 0) {    # only root can start what runs as root
	my $impostor = $gw->run->dir . '/bin/root/mcp.fcgi';    # the kernel's name of it is the file's
	mkdir $gw->run->dir . '/bin/root';
	symlink $^X, $impostor;
	my $pid = fork;
	if (!$pid) {
		exec $impostor, '-e', 'sleep 60', '--', '-c', $project;
	}
	select undef, undef, undef, 0.2;
	$doctor->finds('users', error => qr/run as root/, qr/User=/, 'a program that runs as root');
	kill KILL => $pid;
	waitpid $pid, 0;
}

# ---- the database: a fault, its cure ----

my $today = $pg->psql("select to_char(now() at time zone 'UTC', 'YYYYMMDD')");
my $newest = $pg->psql('select max(number) from gatehouse.schema_version');
my @faults = (
	['login', error => qr/consent cannot log in/, qr/./, 'a role that may not log in',
		'alter role gatehouse_consent nologin', 'alter role gatehouse_consent login'],
	['schema', error => qr/newer/, qr/new(?:er)? release|release of the other/, 'a database of a newer release',
		"insert into gatehouse.schema_version (number, name, compatible_from) values (9999, 'x', 9999)",
		'delete from gatehouse.schema_version where number = 9999'],
	['schema', error => qr/older/, qr/migrate/, 'a database that was not migrated',
		'update gatehouse.schema_version set number = 0, compatible_from = 0
			where number = (select max(number) from gatehouse.schema_version)',
		"update gatehouse.schema_version set number = $newest where number = 0"],
	['writable', error => qr/read-only/, qr/target_session_attrs/, 'a database that takes no changes',
		sub { "alter database $_[0] set default_transaction_read_only = on" },
		sub { "begin read write; alter database $_[0] reset default_transaction_read_only; commit" }],
	['roles', error => qr/gatehouse_mcp is a superuser/, qr/nosuperuser/, 'a role that may do anything',
		'alter role gatehouse_mcp superuser', 'alter role gatehouse_mcp nosuperuser'],
	['roles', error => qr/member of the owner/, qr/revoke gatehouse from/, 'a role that may act as the owner',
		'grant gatehouse to gatehouse_oauth', 'revoke gatehouse from gatehouse_oauth'],
	['rights', error => qr/gatehouse_mcp has rights to the table/, qr/revoke all/, 'a right to a table',
		'grant select on gatehouse.client to gatehouse_mcp', 'revoke all on gatehouse.client from gatehouse_mcp'],
	['rights', error => qr/not made for it/, qr/migrate/, "another program's function",
		'grant execute on function gatehouse.maintenance_step(int, int, int) to gatehouse_mcp',
		'revoke all on function gatehouse.maintenance_step(int, int, int) from gatehouse_mcp'],
	['role-limits', warning => qr/oauth run for ever/, qr/statement_timeout/, 'no limit on statements',
		'alter role gatehouse_oauth set statement_timeout = 0',
		"alter role gatehouse_oauth set statement_timeout = '2900ms'"],
	['event-days', error => qr/event_call_$today/, qr/maintenance/, 'a day without its table',
		"drop table gatehouse.event_call_$today", 'select gatehouse.event_days()'],
);
for my $fault (@faults) {
	my ($check, $severity, $what, $remedy, $name, $break, $mend) = @$fault;
	my ($database) = $pg->superuser_conninfo =~ /dbname=(\S+)/;
	$pg->psql(ref $break ? $break->($database) : $break);
	$doctor->finds($check, $severity, $what, $remedy, $name);
	$pg->psql(ref $mend ? $mend->($database) : $mend);
}
my $adder = $pg->psql("select oid::regprocedure from pg_proc where proname = 'events_add_call'");
$pg->psql("revoke all on function $adder from gatehouse_mcp");
$doctor->finds('rights', error => qr/may not execute events_add_call/, qr/migrate/, 'a function that is missing', with => ['events']);
$doctor->finds('events', error => qr/left no event/, qr/log of mcp/, 'events that are not stored', again => 1);
$pg->psql("grant execute on function $adder to gatehouse_mcp");
($status) = $doctor->look;
is($status, 0, 'what was mended is well again') or diag explain [grep { $_->{result} eq 'error' } @{ $doctor->{report}{checks} }];

my ($preload) = glob '/usr/lib/*/faketime/libfaketime.so.1';
SKIP: {
	die 'no libfaketime (Debian: faketime)' if !$preload;
	# set by env(1): what runs before it, as another user, must not make the library's semaphore
	my @through = (find_program('env'), "LD_PRELOAD=$preload", 'FAKETIME_DONT_FAKE_MONOTONIC=1');
	skip 'the sanitizer wants to be loaded first', 2
	  if ($gw->run->command({}, @through, $gw->run->install(bin_path('gatehousectl')), '--version'))[0] != 0;
	$doctor->finds('clock', error => qr/differ by/, qr/timesyncd/, 'a clock that is an hour off',
		through => [@through, 'FAKETIME=+1h']);
	$doctor->finds('clock', warning => qr/differ by/, qr/timesyncd/, 'one that is some seconds off',
		through => [@through, 'FAKETIME=-5s']);
}

# ---- a pooler ----

my $pooler = Gatehouse::Pooler->new($gw->run, $pg);
$gw->write_project(gateway => { database => $pooler->conninfo });
$doctor->finds('notifications', error => qr/do not arrive through database:/, qr/databaseListen/,
	'a pooler in transaction mode, without a direct connection', with => ['prepared']);
SKIP: {
	skip 'this PgBouncer keeps prepared statements', 1 if $pooler->keeps_statements;
	$doctor->finds('prepared', error => qr/get lost/, qr/preparedStatements/, 'statements that a pooler loses', again => 1);
}
$gw->write_project(gateway => { database => $pooler->conninfo, databaseListen => $pg->conninfo,
	preparedStatements => JSON::PP::false });
$doctor->finds_nothing('notifications', 'with databaseListen they arrive', with => ['prepared', 'connections']);
$doctor->finds_nothing('prepared', 'without prepared statements none are lost', again => 1);
is($doctor->result('connections'), 'skipped', 'how many connections a pooler makes is its own business');
$gw->write_project(gateway => {});

# ---- the programs ----

$gw->stop_program('consent');
$doctor->finds('alive', error => qr/consent does not answer/, qr/systemctl/, 'a program that is down');
$gw->start_program('consent');

$pg->psql('alter role gatehouse_mcp nologin');
$gw->restart_program('mcp');
$doctor->finds('ready', error => qr/mcp is not ready, database/, qr/./, 'a program without its database');
$pg->psql('alter role gatehouse_mcp login');

$pg->psql('alter system set max_connections = 14');
$pg->restart;
$doctor->finds('connections', error => qr/may open \d+ connections, and the server has room for \d+\b/,
	qr/max_connections = /, 'more connections than the server has room for');

$gw->stop;
$pg->stop;
done_testing();
