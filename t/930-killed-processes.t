#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Processes that are killed, or told to end, while sixty-four people call, refresh and sign in. The long
# form (GATEHOUSE_TEST_LONG=1) does it for a minute each.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use Gatehouse::Fcgi qw(connection record params begin say_to is_open);
use Gatehouse::Flow;
use Gatehouse::Http qw(parallel);
use Gatehouse::Load qw(describe failures nothing_is_lost);
use Gatehouse::Pg;
use Gatehouse::Run qw(wait_until);
use Gatehouse::Server;
use Gatehouse::Upstream;

my $SECONDS = $ENV{GATEHOUSE_TEST_LONG} ? 60 : 4;
my @PROGRAMS = qw(mcp oauth consent);

my $up = Gatehouse::Upstream->new(sub {
	my ($c, $r) = @_;
	sleep 8 if $r->{content} =~ /"slow"/;
	sleep 0.05;    # so that calls are in flight whenever a process dies
	return $c->result($r, {});
});
my $pg = Gatehouse::Pg->new;
my $gw = gateway();

sub gateway {
	return Gatehouse::Server->new(pg => $pg, processes => { map { $_ => 2 } @PROGRAMS }, @_,
		gateway => { rates => { register => 0, authorize => 0, token => 0, refresh => 0 } },
		routes => { '/mcp/a' => { upstream => $up->url('/mcp') } });
}

# Sends SIGNAL to one process after the other, of any program: when, as [before, after, program].
sub bring_down {
	my ($signal) = @_;
	my $end = time + $SECONDS;
	my @times;
	while (time < $end) {
		my @processes = map { my $program = $_; map { [$_, $program] } $gw->pids($program) } @PROGRAMS;
		my ($pid, $program) = @{ $processes[rand @processes] || [] };
		my $before = time;
		push @times, [$before, time, $program] if defined $pid && kill $signal => $pid;
		sleep 0.2;
	}
	return @times;
}

sub all_up {
	return wait_until(10, sub { !grep { scalar(() = $gw->pids($_)) < 2 } @PROGRAMS });
}

# Every call reached the upstream at most once, those that succeeded exactly once.
sub none_is_doubled {
	my ($r) = @_;
	my %seen;
	$seen{$_}++ for map { $_->{content} =~ /"id":"(\d+-\d+)"/ } $up->requests;
	is(scalar(grep { $_ > 1 } values %seen), 0, 'no call reached the upstream twice');
	is(scalar(grep { $_->{kind} eq 'call' && $_->{status} == 200 && !$seen{ $_->{id} } } @{ $r->{records} }), 0,
		'and each that succeeded did once');
	return;
}

# KEEPS: the web server keeps connections to mcp, and sends calls on those of a dead process until it has heard of it.
sub killed {
	my ($keeps) = @_;
	my $load = Gatehouse::Load->new(origin => $gw->origin, route => '/mcp/a');
	my @kills = bring_down('KILL');
	my $last = time;
	sleep 2;
	my $r = $load->stop;
	my @failed = failures(@{ $r->{records} });
	cmp_ok(scalar @kills, '>=', 2 * $SECONDS, 'processes are killed all the time');
	note scalar(@{ $r->{records} }), ' requests, ', scalar(@failed), ' failed, ', scalar(@kills), ' kills';
	# a request is in flight when it began before the kill and ends by it; a sign-in is many requests
	my $in_flight = sub { my ($k, $f) = @_; return $f->{start} <= $k->[1] && $f->{end} >= $k->[0] };
	my @kept = $keeps ? map { [$_->[0], $_->[1] + 0.5] } grep { $_->[2] eq 'mcp' } @kills : ();
	my @others = grep { my $f = $_; $f->{kind} ne 'sign-in' && !grep { $in_flight->($_, $f) && $f->{end} - $_->[1] < 1 }
		@kills, @kept } @failed;
	is(scalar @others, 0, 'what fails was in flight when a process was killed') or describe(@others);
	my $count = sub { my $n = 0; for my $k (@kills) { $n += grep { $in_flight->($k, $_) } @_ } return $n };
	my ($lost, $all) = ($count->(@failed), $count->(@{ $r->{records} }));
	cmp_ok($lost, '<', $all / 2, 'most of what was in flight then goes on') or diag "$lost of $all";
	my @late = grep { $_->{end} > $last + 1 } @failed;
	is(scalar @late, 0, 'a second after the last kill nothing fails') or describe(@late);
	ok(all_up(), 'every killed process was replaced');
	none_is_doubled($r);
	nothing_is_lost($r, $pg, $gw->origin);
	return;
}

sub told_to_end {
	$up->clear;
	my $load = Gatehouse::Load->new(origin => $gw->origin, route => '/mcp/a');
	my @ends = bring_down('TERM');
	sleep 1;
	my $r = $load->stop;
	my @failed = failures(@{ $r->{records} });
	cmp_ok(scalar @ends, '>=', 2 * $SECONDS, 'processes are told to end all the time');
	note scalar(@{ $r->{records} }), ' requests, ', scalar(@ends), ' ends';
	is(scalar @failed, 0, 'and nothing fails') or describe(@failed);
	my @slow = grep { $_->{kind} ne 'sign-in' && $_->{end} - $_->{start} > 4 } @{ $r->{records} };
	is(scalar @slow, 0, 'nothing waits for a process that is no more') or describe(@slow);
	ok(all_up(), 'every process was replaced');
	none_is_doubled($r);
	nothing_is_lost($r, $pg, $gw->origin);
	return;
}

subtest SIGKILL => sub { killed(0) };
subtest SIGTERM => \&told_to_end;

# Its process cannot end before it, and must not take the calls of others along.
subtest 'an upload that stands still' => sub {
	my $flow = Gatehouse::Flow->new(origin => $gw->origin);
	my $token = $flow->sign_in(route => '/mcp/a');
	my @call = ('POST', $gw->url('/mcp/a'), $flow->call_request($token, { jsonrpc => '2.0', id => 1, method => 'tools/call',
		params => { name => 'slow' } }));
	my $half = say_to(connection($gw, 'mcp'), begin(0) . record(4, params($gw, '/mcp/a', 100, $token->{access_token})) . record(4, '') . record(5, '{'));
	sleep 0.5;
	ok(is_open($half), 'it is waited for');
	my $ender = fork // die "fork: $!";
	if (!$ender) { sleep 1; kill TERM => $gw->pids('mcp'); POSIX::_exit(0) }
	my @answers = parallel((\@call) x 24);
	waitpid $ender, 0;
	is(scalar(grep { $_->{status} == 200 } @answers), 24, 'calls in flight are finished, however long another request takes to come');
	close $half;
	ok(all_up(), 'then the processes end, and are replaced');
};

# which would send requests again, if it were not told
$gw->stop;
$gw = gateway(web => 'nginx');
$up->clear;
subtest 'SIGKILL, nginx' => sub { killed(1) };
subtest 'SIGTERM, nginx' => \&told_to_end;

$gw->stop;
done_testing;
