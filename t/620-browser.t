#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# The pages in a real browser. GATEHOUSE_SHOTS names a folder for pictures of them.
use strict;
use warnings;
use JSON::PP ();
use Test::More;

use Gatehouse::Peers;
use Gatehouse::Pg;
use Gatehouse::Run qw(find_program);
use Gatehouse::Server;

my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, programs => [qw(discovery oauth consent)],
	gateway => { rates => { register => 0, authorize => 0, token => 0 } },
	routes => { '/mcp/one' => { upstream => 'http://127.0.0.1:9/mcp', summary => 'The service' } });
my $dir = Gatehouse::Peers->scripts($gw->run);
my ($status, $output) = $gw->run->command({ env => { HOME => $dir, TMPDIR => $gw->run->make_dir('browser') } },
	'timeout', 120, Gatehouse::Peers->node, "$dir/pages.mjs", JSON::PP->new->encode({
		origin => $gw->origin, chromium => find_program('chromium'), shots => $ENV{GATEHOUSE_SHOTS} }));

for (split /\n/, $output) {
	if (/^(not )?ok - (.*)/) {
		ok(!$1, $2);
	} elsif (/^# (.*)/) {
		diag($1);
	}
}
is($status, 0, 'the browser was driven to the end') or diag($output);
like($output, qr/^end$/m, 'and nothing was left out');

$gw->stop;
$pg->stop;
done_testing();
