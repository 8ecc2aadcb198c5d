#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Two users, two upstreams, nothing of one is another's: the SDKs' clients, Chromium as the users' browsers, oidc-provider as
# everybody's authorization server, server-everything behind two of them. Connect, disconnect, connect again.

use strict;
use warnings;

use JSON::PP ();
use Test::More;

use Gatehouse::Peers;
use Gatehouse::Pg;
use Gatehouse::Run qw(find_program free_port wait_until);
use Gatehouse::Server;

my $JSON = JSON::PP->new->utf8;
my @persons = qw(ada grace);
my @upstreams = qw(linear stripe);
my %port = map { $_ => free_port() } 'idp', @upstreams;
my $issuer = "http://127.0.0.1:$port{idp}";
my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, processes => { mcp => 2 }, oauth => 'idp',
	gateway => { rates => { register => 0, authorize => 0, token => 0 } },
	policies => [{ name => 'idp', policyType => 'mcp-oauth-inbound', handler => { export => 'X', options => {
			oidc => { issuer => $issuer, discovery => JSON::PP::true }, browserLogin => { clientId => 'gateway', clientSecret => 'secret' } } } },
		map { { name => "mcp-token-exchange-$_", policyType => 'mcp-token-exchange-inbound',
			handler => { export => 'X', options => { displayName => $_, authMode => 'user-oauth' } } } } @upstreams],
	routes => { map { ("/mcp/$_" => { upstream => "http://127.0.0.1:$port{$_}/mcp", inbound => ["mcp-token-exchange-$_"] }) } @upstreams });
my $run = $gw->run;
my $dir = Gatehouse::Peers->scripts($run);
my $everything = Gatehouse::Peers->everything($run);
$run->spawn('idp', {}, Gatehouse::Peers->node, "$dir/oidc.mjs", $JSON->encode({ port => $port{idp}, issuer => $issuer,
	client => { id => 'gateway', secret => 'secret', redirect_uris => [$gw->url('/oauth/callback')] }, users => { map { $_ => { name => ucfirst $_ } } @persons } }));
$run->spawn($_, {}, Gatehouse::Peers->node, "$dir/protected.mjs", $JSON->encode({ port => $port{$_}, upstream => $everything->{url},
	accessTokenTTL => 600 })) for @upstreams;
for my $peer ('idp', @upstreams) {
	wait_until(20, sub { $run->log_text($peer) =~ /listening/ }) or die $run->log_text($peer);
}

my ($status, $output) = $run->command({ env => { HOME => $dir, TMPDIR => $run->make_dir('browser') } }, 'timeout', 180, Gatehouse::Peers->node,
	"$dir/connections.mjs", $JSON->encode({ origin => $gw->origin, chromium => find_program('chromium'), persons => \@persons, upstreams => \@upstreams,
		shots => $ENV{GATEHOUSE_SHOTS} }));
for (split /\n/, $output) {
	if (/^(not )?ok - (.*)/) {
		ok(!$1, $2);
	} elsif (/^# (.*)/) {
		diag($1);
	}
}
is($status, 0, 'the browsers were driven to the end') or diag $output;
like($output, qr/^end$/m, 'and nothing was left out');

for my $upstream (@upstreams) {
	my %said = map { $_ => 1 } $run->log_text($upstream) =~ /^(call of .* saying .*)$/mg;
	for my $person (@persons) {
		ok($said{"call of $person-at-$upstream saying $person to $upstream"}, "$upstream heard $person by the name that $person has there");
	}
	is(scalar(grep { my ($who, $what) = /^call of (\w+)-at-\w+ saying (\w+) to/; $who && $who ne $what } keys %said), 0, "... and nobody by another's");
}
like($run->log_text('linear'), qr/^revoked/m, 'the provider was told that a connection ended');
unlike($run->log_text('stripe'), qr/^revoked/m, '... and the other one was not');

done_testing;
