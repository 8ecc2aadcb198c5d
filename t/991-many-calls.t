#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# A great many calls, with the token checked, a filter, and events: none is lost, and nothing piles up. A few seconds; with
# GATEHOUSE_TEST_LONG a million calls.

use strict;
use warnings;

use Test::More;

use Gatehouse::Peers;
use Gatehouse::Pg;
use Gatehouse::Run qw(bin_path read_file wait_until);
use Gatehouse::Server;
use Gatehouse::Token qw(issue);

my ($FIRST, $ALL) = $ENV{GATEHOUSE_TEST_LONG} ? (100_000, 1_000_000) : (5_000, 15_000);
my $peers = Gatehouse::Run->new('peers');
my $up = Gatehouse::Peers->upstream($peers);
my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, programs => ['mcp'],
	policies => [{ name => 'filter', policyType => 'mcp-capability-filter-inbound', handler => { export => 'X', options => { tools => ['t'] } } }],
	routes => { '/mcp/many' => { upstream => "$up->{origin}/mcp", inbound => ['filter'] } });
my $token = issue($pg, $gw, '/mcp/many', ttl => 7200)->{access_token};
my ($mcp) = $gw->pids('mcp');

sub events { return $pg->psql('select count(*) from gatehouse.event_call') }

# Calls until there were ALL of them. Their events leave before anything is measured, and what a burst needed is given back two
# seconds after it.
sub calls_to {
	my ($all, $n) = @_;
	my ($status, $output) = $peers->command({}, 'timeout', 3400, Gatehouse::Peers->node, Gatehouse::Peers->scripts($peers) . '/soak.mjs',
		$gw->url('/mcp/many'), $token, $n, 16);
	is_deeply([$status, $output =~ /^WRONG (.*)$/m], [0, '{}'], "each of $n calls has its answer") or diag $output;
	wait_until(60, sub { events() == $all });
	return sleep 4;
}

sub state_of {
	my ($rss) = read_file("/proc/$mcp/status") =~ /^VmRSS:\s+(\d+)/m;
	# only root may look into the programs; for others the size of the table, which never shrinks
	my @fds = glob "/proc/$mcp/fd/*";
	my ($table) = read_file("/proc/$mcp/status") =~ /^FDSize:\s+(\d+)/m;
	return { rss => $rss, fds => scalar(@fds) || $table };
}

calls_to($FIRST, $FIRST);
my $before = state_of();
calls_to($ALL, $ALL - $FIRST);
my $after = state_of();
diag "$before->{rss} KiB after $FIRST calls, $after->{rss} KiB after $ALL";
# (AddressSanitizer keeps what was freed for a while)
cmp_ok($after->{rss} - $before->{rss}, '<', read_file(bin_path('mcp.fcgi')) =~ /__asan_init/ ? 65536 : 1024,
	"after the first $FIRST of $ALL calls memory grows by less than 1 MiB");
cmp_ok($after->{fds}, '<=', $before->{fds} + 2, '... and descriptors by none');
is(events(), $ALL, '... and each call is an event');
is_deeply([$gw->pids('mcp')], [$mcp], '... of the process that began');
$gw->stop;
$peers->stop;
done_testing;
