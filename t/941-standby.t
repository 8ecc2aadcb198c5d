#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# A primary and a standby: the primary crashes, or hangs, under load, and the standby takes its
# place. What was acknowledged stays, and what was revoked stays revoked.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use Gatehouse::Flow;
use Gatehouse::Http qw(parallel);
use Gatehouse::Load qw(describe failures nothing_is_lost);
use Gatehouse::Pg;
use Gatehouse::Run qw(wait_until);
use Gatehouse::Server;
use Gatehouse::Upstream;

my $up = Gatehouse::Upstream->new(sub { my ($c, $r) = @_; return $c->result($r, {}) });
my $call = { jsonrpc => '2.0', id => 1, method => 'tools/list' };

subtest 'a primary that crashes' => sub { promoted_under_load(sub { $_[0]->crash }, 3) };
subtest 'a primary that hangs' => sub { promoted_under_load(sub { $_[0]->freeze }, 10) };

sub promoted_under_load {
	my ($bring_down, $seconds) = @_;
	my $primary = Gatehouse::Pg->new(private => 1, settings => \%Gatehouse::Pg::PRIMARY);
	my $standby = $primary->standby;
	my $gw = Gatehouse::Server->new(pg => $primary, processes => { mcp => 2, oauth => 2 },
		routes => { '/mcp/a' => { upstream => $up->url('/mcp') } }, gateway => {
			database => $primary->conninfo_with($standby), development => JSON::PP::true,
			rates => { register => 0, authorize => 0, token => 0, refresh => 0 } });
	my $flow = Gatehouse::Flow->new(origin => $gw->origin);
	my @tokens = map { $flow->sign_in(route => '/mcp/a') } 1 .. 20;
	my $load = Gatehouse::Load->new(origin => $gw->origin, route => '/mcp/a', users => 32, sign_ins => 4, patience => 40);

	sleep 1;
	pipe my $heard, my $tell or die "pipe: $!";
	my $revoker = fork // die "fork: $!";
	if (!$revoker) {    # one after the other, up to the end and past it
		my $acknowledged = 0;
		for my $token (@tokens) {
			last if $flow->revoke($token)->{status} != 200;
			$acknowledged++;
			syswrite $tell, '.';
			sleep 0.02;
		}
		POSIX::_exit($acknowledged);
	}
	close $tell;
	sysread $heard, my $dot, 1 for 1 .. 3;
	$bring_down->($primary);
	$standby->promote;
	my $promoted = time;
	waitpid $revoker, 0;
	my $revoked = $? >> 8;
	sleep $seconds + 3;
	my $r = $load->stop;
	my @records = sort { $a->{end} <=> $b->{end} } @{ $r->{records} };
	my @failed = failures(@records);
	note scalar(@records), ' requests, ', scalar(@failed), " failed, $revoked revoked";
	my @wrong = grep { $_->{status} != 503 || ($_->{kind} ne 'sign-in' && !$_->{retry_after}) } @failed;
	is(scalar @wrong, 0, 'what fails is told to come back, by 503 and Retry-After') or describe(@wrong);
	for my $kind (qw(refresh sign-in)) {
		my ($first) = grep { $_->{kind} eq $kind && $_->{status} == 200 && $_->{start} > $promoted } @records;
		ok($first && $first->{end} < $promoted + $seconds, "the first $kind succeeds within $seconds s of the promotion")
		  or diag $first ? $first->{end} - $promoted : 'never';
	}
	my @late = grep { $_->{start} > $promoted + $seconds } @failed;
	is(scalar @late, 0, 'from then on nothing fails') or describe(@late);
	nothing_is_lost($r, $standby, $gw->origin);

	cmp_ok($revoked, '>', 2, 'tokens were revoked up to the end');
	my @answers = parallel(map { ['POST', $gw->url('/mcp/a'), $flow->call_request($_, $call)] } @tokens[0 .. $revoked - 1]);
	is(scalar(grep { $_->{status} == 401 } @answers), $revoked, 'each that was acknowledged stays revoked');
	is($flow->call('/mcp/a', $flow->sign_in(route => '/mcp/a'), $call)->{status}, 200, 'and people sign in as before');
	$gw->stop;
	$_->stop for $primary, $standby;
	return;
}
done_testing;
