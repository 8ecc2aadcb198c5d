#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# What goes wrong around a route: the database stops, hangs, comes back; a process is killed, or told to end.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use Gatehouse::Http qw(request parallel);
use Gatehouse::Pg;
use Gatehouse::Run qw(read_file wait_until);
use Gatehouse::Server;
use Gatehouse::Token qw(issue);
use Gatehouse::Upstream;

my $up = Gatehouse::Upstream->new(sub {
	my ($c, $r) = @_;
	if ($r->{path} eq '/stream') {
		$c->begin_stream;
		for (1 .. 40) { $c->event({ n => $_ }) or last; sleep 0.25 }
		return 0;
	}
	sleep 1 if $r->{path} eq '/second';
	return $c->result($r, {});
});
my $pg = Gatehouse::Pg->new(private => 1);
my $gw = Gatehouse::Server->new(pg => $pg, programs => ['mcp'], processes => { mcp => 2 },
	gateway => { limits => { statementMs => 1000, connectMs => 1000 } },
	routes => { '/mcp/a' => { upstream => $up->url('/mcp') }, '/mcp/second' => { upstream => $up->url('/second') },
		'/mcp/stream' => { upstream => $up->url('/stream') }, '/mcp/public' => { upstream => $up->url('/mcp'), public => 1 } });
my %token = map { $_ => issue($pg, $gw, "/mcp/$_") } qw(a second stream);
my $call = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';

sub arguments {
	my ($route, %o) = @_;
	my $token = $token{$route} ? [['Authorization', 'Bearer ' . ($o{token} || $token{$route}{access_token})]] : [];
	return ('POST', $gw->url("/mcp/$route"), { timeout => 20, content => $call,
		headers => [['Content-Type', 'application/json'], @$token] });
}
sub post { return request(arguments(@_)) }

is(post('a')->{status}, 200, 'a call passes') for 1 .. 4;

# --- the database stops ---

$pg->halt;
ok(wait_until(10, sub { post('a')->{status} == 503 }), 'without its database the route says 503');
my $r = post('a');
ok($r->header('Retry-After'), 'with Retry-After');
is($r->json->{code}, 'temporarily_unavailable', 'and a code');
is(post('public')->{status}, 200, 'a public route needs no database');
like($gw->log('mcp'), qr/"reason":"database_(?:unavailable|timeout)"/, 'the log says why');
$pg->start;
my $start = time;
ok(wait_until(5, sub { post('a')->{status} == 200 }), 'it recovers by itself');
cmp_ok(time - $start, '<', 2, 'within 2 s of the database\'s return');

# --- the database hangs ---

sleep 0.5;
$pg->freeze;
$start = time;
$r = post('a', token => Gatehouse::Token::token_text('at_'));
is($r->{status}, 503, 'a database that hangs is 503 too');
cmp_ok(time - $start, '<', 5, 'within the deadline of a statement');
ok(wait_until(12, sub { post('a')->{status} == 503 }), 'the cache is not believed for long');
$pg->thaw;
$start = time;
ok(wait_until(5, sub { post('a')->{status} == 200 }), 'it recovers by itself');
cmp_ok(time - $start, '<', 2.5, 'at once');

# --- a killed process ---

my ($victim) = $gw->pids('mcp');
my @batch = map { [arguments('second')] } 1 .. 40;
my $killer = fork // die;
if (!$killer) { sleep 0.5; kill 'KILL', $victim; POSIX::_exit(0) }
my @answers = parallel(@batch);
waitpid $killer, 0;
my $lost = grep { $_->{status} != 200 } @answers;
cmp_ok($lost, '<', 40, 'a killed process loses its own calls and no others');
ok(wait_until(5, sub { scalar(() = $gw->pids('mcp')) == 2 }), 'another takes its place');
is(scalar(grep { $_->{status} != 200 } parallel(map { [arguments('a')] } 1 .. 40)), 0, 'and nothing else is lost');

# --- a process that is told to end ---

@batch = map { [arguments('second')] } 1 .. 20;
my $ender = fork // die;
if (!$ender) { sleep 0.5; kill 'TERM', $gw->pids('mcp'); POSIX::_exit(0) }
@answers = parallel(@batch);
waitpid $ender, 0;
is(scalar(grep { $_->{status} != 200 } @answers), 0, 'SIGTERM: calls in flight are finished');
wait_until(5, sub { scalar(() = $gw->pids('mcp')) == 2 });
my $stream_start = time;
$ender = fork // die;
if (!$ender) { sleep 1; kill 'TERM', $gw->pids('mcp'); POSIX::_exit(0) }
$r = post('stream');
waitpid $ender, 0;
cmp_ok(time - $stream_start, '<', 7, 'SIGTERM: streams end within 5 s');
ok(!$r->{error}, 'in good order') or diag $r->{error};

# --- many calls in flight ---

wait_until(5, sub { scalar(() = $gw->pids('mcp')) == 2 });
is(scalar(grep { $_->{status} != 200 } parallel(map { [arguments('second')] } 1 .. 200)), 0, '200 calls at once to a slow upstream pass');
my %threads = map { $_ => read_file("/proc/$_/status") =~ /^Threads:\s+(\d+)/m && $1 } $gw->pids('mcp');
my $poll = fork // die;
if (!$poll) { parallel(map { [arguments('second')] } 1 .. 200); POSIX::_exit(0) }
sleep 0.8;
my %busy = map { $_ => read_file("/proc/$_/status") =~ /^Threads:\s+(\d+)/m && $1 } $gw->pids('mcp');
is_deeply(\%busy, \%threads, 'in as many threads as without any');
waitpid $poll, 0;

done_testing;
