#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# All kinds of calls at once, for a while: nothing is lost, nothing piles up. A few seconds; with
# GATEHOUSE_TEST_LONG five minutes.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(time);

use Gatehouse::Flow;
use Gatehouse::Http qw(parallel);
use Gatehouse::Peers;
use Gatehouse::Pg;
use Gatehouse::Run qw(bin_path read_file wait_until);
use Gatehouse::Server;

my $SECONDS = $ENV{GATEHOUSE_TEST_LONG} ? 300 : 5;
my $peers = Gatehouse::Run->new('peers');
my $up = Gatehouse::Peers->upstream($peers, DELAY_MS => 300, BIG_MB => 1);
my $pg = Gatehouse::Pg->new;
my %expected = (mcp => 200, slow => 200, big => 200, events => 200, 'status/429' => 429, garbage => 502);
my $gw = Gatehouse::Server->new(pg => $pg,
	gateway => { rates => { register => 0, authorize => 0, token => 0, refresh => 0 } },
	routes => { map { ("/mcp/$_" => { upstream => "$up->{origin}/$_" }) } keys %expected });
my $flow = Gatehouse::Flow->new(origin => $gw->origin);
my %token = map { $_ => $flow->sign_in(route => "/mcp/$_") } keys %expected;
my ($mcp) = $gw->pids('mcp');
my $call = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
my (%wrong, $calls);

# Eight of each kind, two without a token, two whose client leaves early, and a refresh.
sub round {
	my @want;
	my @requests;
	for my $kind (sort keys %expected) {
		push @want, ([$kind, $expected{$kind}]) x 8;
		push @requests, map { ['POST', $gw->url("/mcp/$kind"), $flow->call_request($token{$kind}, $call)] } 1 .. 8;
	}
	push @want, (['no token', 401]) x 2;
	push @requests, map { ['POST', $gw->url('/mcp/mcp'), $flow->call_request(undef, $call)] } 1 .. 2;
	push @want, (['left', 200]) x 2;
	push @requests, map { ['POST', $gw->url("/mcp/$_"), $flow->call_request($token{$_}, $call, on_head => sub { 0 })] }
	  qw(events big);
	my @got = parallel(@requests);
	$calls += @got;
	for my $i (0 .. $#got) {
		$wrong{"$want[$i][0]: $got[$i]{status}"}++ if $got[$i]{status} != $want[$i][1];
	}
	my $new = $flow->refresh($token{mcp});
	$wrong{"refresh: $new->{status}"}++ if $new->{status} != 200;
	$token{mcp} = { %{ $token{mcp} }, %{ $new->json || {} } };
	return;
}

sub state_of {
	my ($rss) = read_file("/proc/$mcp/status") =~ /^VmRSS:\s+(\d+)/m;
	my @threads = glob "/proc/$mcp/task/*";
	# only root may look into the programs; for others the size of the table, which never shrinks
	my @fds = glob "/proc/$mcp/fd/*";
	my ($table) = read_file("/proc/$mcp/status") =~ /^FDSize:\s+(\d+)/m;
	return { rss => $rss, fds => scalar(@fds) || $table, threads => scalar @threads };
}

round() for 1 .. 2; # what is made once is there
Time::HiRes::sleep(1);
my $before = state_of();
my $end = time + $SECONDS;
round() while time < $end;
is_deeply(\%wrong, {}, "each of $calls mixed calls has its answer");

is_deeply([$gw->pids('mcp')], [$mcp], 'the process that began is the one that ends');
ok(wait_until(10, sub { state_of()->{fds} <= $before->{fds} + 2 }), 'no descriptor is left open')
  or diag explain [$before, state_of()];
is(state_of()->{threads}, $before->{threads}, 'no thread is left');
# (AddressSanitizer keeps what was freed for a while)
my $bound = read_file(bin_path('mcp.fcgi')) =~ /__asan_init/ ? 65536 : 4096;
cmp_ok(state_of()->{rss} - $before->{rss}, '<', $bound, 'memory does not grow');
is($pg->psql("select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in%'"), 0,
	'no transaction is left open');
$gw->stop;
done_testing;
