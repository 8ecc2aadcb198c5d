#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Publication: what is edited is not served before it is published, what is broken never is, and
# no request fails while it happens.

use strict;
use warnings;

use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep);

use Gatehouse::Http qw(parallel request);
use Gatehouse::Run qw(wait_until);
use Gatehouse::Server;

# Nothing is ever sent there: these requests end in discovery.
my %route = (upstream => 'http://127.0.0.1:9/mcp', public => 0);

sub routes { return { '/mcp/a' => { %route, summary => $_[0] } } }

my $gw = Gatehouse::Server->new(routes => routes('first'), programs => ['discovery'],
	processes => { discovery => 2 });

sub served {
	my $answer = request(GET => $gw->url('/.well-known/oauth-protected-resource/mcp/a'));
	return $answer->{status} == 200 ? JSON::PP::decode_json($answer->{content})->{resource_name} :
	  "status $answer->{status}";
}

# Every process must agree: asked often enough, both of them were.
sub all_serve {
	my ($want) = @_;
	return wait_until(10, sub { !grep { served() ne $want } 1 .. 12 });
}

ok(all_serve('first'), 'the first program publishes what it finds');
my ($status, $text) = $gw->ctl('reload', '--list');
is($text, "1 in force\n", 'as the first snapshot');

$gw->write_project(routes => routes('second'));
sleep 1.2;
is(served(), 'first', 'an edit is not served before it is published');
($status, $text) = $gw->ctl('reload');
is($status, 0, 'a reload publishes it');
like($text, qr/snapshot 2 is in force/, 'and says so');
ok(all_serve('second'), 'then every process serves it, without a restart');

$gw->write_file('config/routes.oas.json', '{"paths": {"/mcp/a": {"post": {"operationId": "a",');
($status, $text) = $gw->ctl('reload');
is($status, 1, 'a broken project is refused');
like($text, qr{config/routes\.oas\.json}, 'by the name of its file');
is(served(), 'second', 'what was published stays');
my ($victim) = $gw->pids('discovery');
kill KILL => $victim;
ok(wait_until(10, sub { my @p = $gw->pids('discovery'); @p == 2 && !grep { $_ == $victim } @p }),
	'a killed process is replaced');
ok(all_serve('second'), 'and the new one serves the published snapshot, not the broken files');

($status, $text) = $gw->ctl('reload', '--back');
is($status, 0, 'one can go back');
like($text, qr/back to snapshot 1/, 'to the snapshot before');
ok(all_serve('first'), 'and it is served');
($status, $text) = $gw->ctl('reload', '--back');
is($status, 1, 'but not to before the first');
like($text, qr/no older snapshot/, 'which is said');

# 20 reloads and 10 broken ones under load
my $child = fork;
if (!$child) {
	for my $i (1 .. 30) {
		if ($i % 3) {
			$gw->write_project(routes => routes("load $i"));
		} else {
			$gw->write_file('config/policies.json', '{"policies": [');
		}
		$gw->ctl('reload');
	}
	require POSIX;
	POSIX::_exit(0);
}
my ($asked, @failed) = 0;
until (waitpid($child, 1) > 0) {
	my $answer = request(GET => $gw->url('/.well-known/oauth-protected-resource/mcp/a'));
	$asked++;
	push @failed, $answer->{status} if $answer->{status} != 200;
}
ok(all_serve('load 29'), 'after many reloads the last sound one is served');
cmp_ok($asked, '>', 30, 'requests went on all the while');
is("@failed", '', 'and none of them failed');
my $log = $gw->log;
unlike($log, qr/"level":"error"/, 'a refused reload is no error of a program');

# what a process gave up at its start, it cannot come to need
SKIP: {
	skip 'this kernel has no Landlock', 3 if !landlock();
	$gw->run->make_dir('elsewhere');
	$gw->write_project(routes => routes('moved'), gateway => { keyring => $gw->run->dir . '/elsewhere' });
	$gw->ctl('reload');
	ok(wait_until(10, sub { $gw->log =~ /gave up at its start/ }), 'a key ring out of reach is told in the log');
	is(served(), 'load 29', 'and the old snapshot stays in force');
	$gw->restart_program('discovery');
	is(served(), 'moved', 'until the program is started again');
}
$gw->stop;

# landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION)
sub landlock { return syscall(444, 0, 0, 1) > 0 }

# a program that starts with a project that does not load
$gw = Gatehouse::Server->new(routes => routes('mended'), programs => [], unprepared => 1);
$gw->write_file('gateway.jsonc', '{"compatibilityDate": 7}');
$gw->start_program('discovery');
my $answer = request(GET => $gw->url('/.well-known/jwks.json'));
is($answer->{status}, 500, 'a project that does not load is answered 500');
like($answer->{content}, qr/configuration_error/, 'as a configuration error');
like($answer->{content}, qr{gateway\.jsonc}, 'that names the file');
like($gw->log('discovery'), qr/does not load/, 'and is logged');
$gw->write_project;
ok(wait_until(10, sub { served() eq 'mended' }), 'mending it is enough: no restart');
$gw->stop;

# autoReload
$gw = Gatehouse::Server->new(routes => routes('one'), programs => ['discovery'],
	processes => { discovery => 2 }, gateway => { autoReload => JSON::PP::true });
ok(all_serve('one'), 'with autoReload the first is served');
$gw->write_project(routes => routes('two'));
ok(all_serve('two'), 'a valid change is published by itself');
$gw->write_file('config/routes.oas.json', '{');
sleep 1.5;
is(served(), 'two', 'an invalid one is not');
$gw->write_project(routes => routes('three'));
ok(all_serve('three'), 'and the next valid one is');
($status, $text) = $gw->ctl('reload', '--list');
like($text, qr/\A1\n2\n3 in force\n\z/, 'each change once, however many processes saw it');
$gw->stop;

done_testing();
