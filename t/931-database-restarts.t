#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# PostgreSQL is restarted, again and again, while sixty-four people call, refresh and sign in (the
# long form, GATEHOUSE_TEST_LONG=1, does it ten times); and an upstream hangs beside others.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use Gatehouse::Flow;
use Gatehouse::Http qw(parallel);
use Gatehouse::Load qw(describe failures nothing_is_lost);
use Gatehouse::Pg;
use Gatehouse::Server;
use Gatehouse::Upstream;

my $RESTARTS = $ENV{GATEHOUSE_TEST_LONG} ? 10 : 3;

my $up = Gatehouse::Upstream->new(sub {
	my ($c, $r) = @_;
	$c->wait_file('on') if $r->{path} eq '/hangs';
	return $c->result($r, {});
});
my $pg = Gatehouse::Pg->new(private => 1);
my $gw = Gatehouse::Server->new(pg => $pg, processes => { mcp => 2, oauth => 2 },
	gateway => { rates => { register => 0, authorize => 0, token => 0, refresh => 0 } },
	routes => { '/mcp/a' => { upstream => $up->url('/mcp') }, '/mcp/b' => { upstream => $up->url('/mcp') },
		'/mcp/hangs' => { upstream => $up->url('/hangs') } });

subtest 'restarts' => sub {
	my $load = Gatehouse::Load->new(origin => $gw->origin, route => '/mcp/a');
	my @gaps;
	for (1 .. $RESTARTS) {
		sleep 0.5;
		my $gone = time;
		$pg->halt;
		sleep 0.5;
		$pg->start;
		push @gaps, [$gone, time];
		sleep 2.5;
	}
	my $r = $load->stop;
	my @records = sort { $a->{end} <=> $b->{end} } @{ $r->{records} };
	my @failed = failures(@records);
	note scalar(@records), ' requests, ', scalar(@failed), ' failed';
	ok(scalar @failed, 'the restarts are felt');
	my @wrong = grep { $_->{status} != 503 || ($_->{kind} ne 'sign-in' && !$_->{retry_after}) } @failed;
	is(scalar @wrong, 0, 'what fails is told to come back, by 503 and Retry-After') or describe(@wrong);
	my @late = grep { my $f = $_; !grep { $f->{end} >= $_->[0] && $f->{start} <= $_->[1] + 2 } @gaps } @failed;
	is(scalar @late, 0, 'two seconds after a restart nothing fails') or describe(@late);
	for my $kind (qw(call refresh sign-in)) {
		my @slow = grep { my $g = $_; !grep { $_->{kind} eq $kind && $_->{status} == 200 && $_->{start} >= $g->[1] &&
			$_->{end} <= $g->[1] + 2 } @records } @gaps;
		is(scalar @slow, 0, "each time the first $kind succeeds within two seconds");
	}
	nothing_is_lost($r, $pg, $gw->origin);
};

subtest 'an upstream that hangs' => sub {
	my $flow = Gatehouse::Flow->new(origin => $gw->origin);
	my %token = map { $_ => $flow->sign_in(route => $_) } qw(/mcp/b /mcp/hangs);
	my $requests = sub {
		my ($route, $n) = @_;
		return map { ['POST', $gw->url($route), { timeout => 60, %{ $flow->call_request($token{$route},
			{ jsonrpc => '2.0', id => $_, method => 'tools/list' }) } }] } 1 .. $n;
	};
	my $took = sub {
		my $start = time;
		my @answers = map { parallel($requests->('/mcp/b', 16)) } 1 .. 20;
		is(scalar(grep { $_->{status} == 200 } @answers), 320, 'calls of another route are answered');
		return time - $start;
	};
	my $alone = $took->();
	my $child = fork // die "fork: $!";
	if (!$child) {
		my @held = parallel($requests->('/mcp/hangs', 100));
		POSIX::_exit(scalar(grep { $_->{status} != 200 } @held) ? 1 : 0);
	}
	$up->wait_for(sub { 100 == grep { $_->{path} eq '/hangs' } $up->requests });
	my $beside = $took->();
	$up->release('on');
	waitpid $child, 0;
	is($?, 0, 'all while a hundred wait for the one that hangs, and are answered in the end');
	# a hundred idle connections cost something in this machine, but nobody queues behind them
	cmp_ok($beside, '<', 10 * $alone + 5, 'they are not slowed down by it');
};

my %errors = map { ($_->{reasonCode} // $_->{reason} // $_->{message} // '?') => 1 }
  grep { ($_->{level} // '') eq 'error' } $gw->log_lines;
delete @errors{qw(database_unavailable database_timeout)};
is_deeply([sort keys %errors], [], 'nothing else is logged as an error');
$gw->stop;
done_testing;
