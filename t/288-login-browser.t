#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Sign-in at a real provider in a real browser. GATEHOUSE_SHOTS names a folder for pictures of the pages.
use strict;
use warnings;
use utf8;
use JSON::PP ();
use Test::More;

use Gatehouse::Peers;
use Gatehouse::Pg;
use Gatehouse::Run qw(find_program free_port wait_until);
use Gatehouse::Server;

my $JSON = JSON::PP->new->utf8->canonical;
my $pg = Gatehouse::Pg->new;
my $port = free_port();
my $issuer = "http://127.0.0.1:$port";
my $gw = Gatehouse::Server->new(pg => $pg, programs => [qw(discovery oauth consent)], oauth => 'idp',
	gateway => { rates => { register => 0, authorize => 0, token => 0 } },
	policies => [{ name => 'idp', policyType => 'mcp-oauth-inbound', handler => { export => 'x', options => {
		oidc => { issuer => $issuer, discovery => JSON::PP::true },
		browserLogin => { clientId => 'gateway', clientSecret => 'secret' } } } }],
	routes => { '/mcp/one' => { upstream => 'http://127.0.0.1:9/mcp', summary => 'The service' } });
my $dir = Gatehouse::Peers->scripts($gw->run);
$gw->run->spawn('idp', {}, Gatehouse::Peers->node, "$dir/oidc.mjs", $JSON->encode({ port => $port, issuer => $issuer,
	client => { id => 'gateway', secret => 'secret', redirect_uris => [$gw->url('/oauth/callback')] },
	users => { ada => { name => 'Ada', email => 'ada@example.com', roles => ['mcp-admin'] },
		grace => { name => 'Grace', email => 'grace@example.com', roles => ['editor'] },
		tim => { name => 'ünï"x<b>', email => 'tim@example.com' } } }));
wait_until(15, sub { $gw->run->log_text('idp') =~ /listening/ }) or die $gw->run->log_text('idp');

my ($status, $output) = $gw->run->command({ env => { HOME => $dir, TMPDIR => $gw->run->make_dir('browser') } },
	'timeout', 120, Gatehouse::Peers->node, "$dir/login.mjs", $JSON->encode({
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
done_testing;
