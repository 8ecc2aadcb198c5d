#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# What goes wrong around a route: the database stops, hangs, comes back; a process is killed, or told to end.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use Gatehouse::Http qw(request stream parallel);
use Gatehouse::Pg;
use Gatehouse::Run qw(read_file wait_until);
use Gatehouse::Server;
use Gatehouse::Token qw(issue);
use Gatehouse::Upstream;

my $up = Gatehouse::Upstream->new(sub {
	my ($c, $r) = @_;
	if ($r->{path} eq '/stream') {
		$c->begin_stream;
		for (1 .. 240) { $c->event({ n => $_ }) or last; sleep 0.25 }
		return 0;
	}
	sleep 1 if $r->{path} eq '/second';
	$c->wait_file('killed') if $r->{path} eq '/held';
	return $c->result($r, {});
});
my $pg = Gatehouse::Pg->new(private => 1);
my $gw = Gatehouse::Server->new(pg => $pg, programs => ['mcp'], processes => { mcp => 2 },
	gateway => { limits => { statementMs => 1000, connectMs => 1000 } },
	routes => { '/mcp/a' => { upstream => $up->url('/mcp') }, '/mcp/second' => { upstream => $up->url('/second') },
		'/mcp/held' => { upstream => $up->url('/held') },
		'/mcp/stream' => { upstream => $up->url('/stream') }, '/mcp/public' => { upstream => $up->url('/mcp'), public => 1 } });
my %token = map { $_ => issue($pg, $gw, "/mcp/$_") } qw(a second held stream);
my $call = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';

sub arguments {
	my ($route, %o) = @_;
	my $token = $token{$route} ? [['Authorization', 'Bearer ' . ($o{token} || $token{$route}{access_token})]] : [];
	return ('POST', $gw->url("/mcp/$route"), { timeout => $o{timeout} || 20, content => $call, on_chunk => $o{on_chunk},
		headers => [['Content-Type', 'application/json'], @$token] });
}
sub post { return request(arguments(@_)) }

# Whether calls pass again, after fewer refusals than come in two seconds of a machine that has nothing else to do.
sub recovers {
	my $refused = 0;
	ok(wait_until(60, sub { post('a')->{status} == 200 || !++$refused }), 'it recovers by itself');
	return cmp_ok($refused, '<', 80, '... soon');
}

is(post('a')->{status}, 200, 'a call passes') for 1 .. 4;

# --- the database stops ---

$pg->halt;
ok(wait_until(30, sub { post('a')->{status} == 503 }), 'without its database the route says 503');
my $r = post('a');
ok($r->header('Retry-After'), 'with Retry-After');
is($r->json->{code}, 'temporarily_unavailable', 'and a code');
is(post('public')->{status}, 200, 'a public route needs no database');
like($gw->log('mcp'), qr/"reason":"database_(?:unavailable|timeout)"/, 'the log says why');
$pg->start;
recovers();

# --- the database hangs ---

sleep 0.5;
$pg->freeze;
$r = post('a', token => Gatehouse::Token::token_text('at_'));
is($r->{status}, 503, 'a database that hangs is 503 too, while it does');
ok(wait_until(20, sub { post('a')->{status} == 503 }), 'the cache is not believed for long');
$pg->thaw;
recovers();
sleep 0.5; # a token that a process remembers passes before its pool has tried again, a quarter of a second after it failed

# --- a killed process ---

# Twenty calls that the upstream holds, from a process of their own; later: how many were answered. In all, N have arrived by then.
sub hold {
	my ($n) = @_;
	my $pid = open(my $out, '-|') // die;
	if (!$pid) {
		print scalar grep { $_->{status} == 200 } parallel(map { [arguments('held', timeout => 120)] } 1 .. 20);
		close STDOUT;
		POSIX::_exit(0);
	}
	ok(wait_until(60, sub { (grep { $_->{path} eq '/held' } $up->requests) == $n }), "$n calls are in flight");
	return sub { my $answered = <$out>; close $out; return $answered };
}
my ($victim) = $gw->pids('mcp');
my $some = hold(20);
kill 'STOP', $victim; # so that the next are the other's
my $others = hold(40);
kill 'KILL', $victim;
$up->release('killed');
is($others->(), 20, 'a killed process loses no calls of others');
ok(defined $some->(), '... and its own end');
ok(wait_until(30, sub { scalar(() = $gw->pids('mcp')) == 2 }), 'another takes its place');
is(scalar(grep { $_->{status} != 200 } parallel(map { [arguments('a')] } 1 .. 40)), 0, 'and nothing else is lost');

# --- a process that is told to end ---

my @batch = map { [arguments('second')] } 1 .. 20;
my $ender = fork // die;
if (!$ender) { sleep 0.5; kill 'TERM', $gw->pids('mcp'); POSIX::_exit(0) }
my @answers = parallel(@batch);
waitpid $ender, 0;
is(scalar(grep { $_->{status} != 200 } @answers), 0, 'SIGTERM: calls in flight are finished');
wait_until(30, sub { scalar(() = $gw->pids('mcp')) == 2 });
my $told;
$r = stream(arguments('stream', timeout => 60, on_chunk => sub { $told++ or kill 'TERM', $gw->pids('mcp'); return 1 }));
cmp_ok(scalar(() = $r->events), '<', 28, 'SIGTERM: streams end within 5 s, which are 20 events');
ok(!$r->{error}, 'in good order') or diag $r->{error};

# --- many calls in flight ---

wait_until(30, sub { scalar(() = $gw->pids('mcp')) == 2 });
is(scalar(grep { $_->{status} != 200 } parallel(map { [arguments('second')] } 1 .. 200)), 0, '200 calls at once to a slow upstream pass');
my %threads = map { $_ => read_file("/proc/$_/status") =~ /^Threads:\s+(\d+)/m && $1 } $gw->pids('mcp');
my $poll = fork // die;
if (!$poll) { parallel(map { [arguments('second')] } 1 .. 200); POSIX::_exit(0) }
sleep 0.8;
my %busy = map { $_ => read_file("/proc/$_/status") =~ /^Threads:\s+(\d+)/m && $1 } $gw->pids('mcp');
is_deeply(\%busy, \%threads, 'in as many threads as without any');
waitpid $poll, 0;

done_testing;
