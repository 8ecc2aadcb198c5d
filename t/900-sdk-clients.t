#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# The official SDK clients of both generations, each doing its own OAuth, in front of a real MCP server.

use strict;
use warnings;

use Test::More;

use Gatehouse::Peers;
use Gatehouse::Pg;
use Gatehouse::Run;
use Gatehouse::Server;

my $peers = Gatehouse::Run->new('peers');
my $everything = Gatehouse::Peers->everything($peers);
my $pg = Gatehouse::Pg->new;
my $TTL = 3;

sub gateway {
	my (%o) = @_;
	return Gatehouse::Server->new(pg => $pg, processes => { mcp => 2 },
		routes => { '/mcp/everything' => { upstream => $everything->{url} } }, %o);
}

sub scenario { return Gatehouse::Peers->scenario($peers, @_) }

my $gw = gateway();
my $url = $gw->url('/mcp/everything');
my $direct = scenario('first', generation => 1, url => $everything->{url});

for my $generation (1, 2) {
	my $name = $generation == 1 ? 'SDK 1.32' : 'SDK 2.4';
	my $r = scenario('first', generation => $generation, url => $url);
	is_deeply($r->{server}, $direct->{server}, "$name signs in by itself and reaches the real server");
	is_deeply($r->{tools}, $direct->{tools}, "$name sees the same tools as without the gateway");
	is($r->{echo}, $direct->{echo}, "$name calls a tool, and what is not ASCII comes back whole");
	is($r->{token}{scope}, 'mcp:tools', "$name holds a token of the gateway's scope");
	isnt($r->{session}, undef, "$name has a session");
	unlike($everything->{log}->(), qr/\Q$r->{session}\E/, "$name never sees the id of the upstream's session");

	$r = scenario('progress', generation => $generation, url => $url, seconds => 1, steps => 5);
	is(scalar @{ $r->{seen} }, 5, "$name gets every progress notification of a long call");
	# the server sends one every 200 ms; held back, they would come together with the result
	my @held = grep { $r->{seen}[$_]{at} - $r->{seen}[ $_ - 1 ]{at} < 100 } 1 .. $#{ $r->{seen} };
	is_deeply(\@held, [], '... each as it is sent') or diag explain $r->{seen};
	like($r->{text}, qr/completed/, '... and the result after them');

	$r = scenario('deny', generation => $generation, url => $url);
	is($r->{error}, 'access_denied', "$name is told when the person says no");
	ok(!exists $r->{code}, '... and gets no code');
	like($r->{iss} // '', qr/^\Q@{[ $gw->origin ]}\E/, '... with the issuer');
}
$gw->stop;

$gw = gateway(oauth_gateway => { accessTokenTtlSeconds => $TTL });
for my $generation (1, 2) {
	my $name = $generation == 1 ? 'SDK 1.32' : 'SDK 2.4';
	my $r = scenario('refresh', generation => $generation, url => $gw->url('/mcp/everything'),
		wait_ms => ($TTL + 1) * 1000);
	is_deeply($r->{echo}, ['Echo: one', 'Echo: two'], "$name goes on when its access token has expired");
	isnt($r->{second}{access_token}, $r->{first}{access_token}, '... with a new one');
	isnt($r->{second}{refresh_token}, $r->{first}{refresh_token}, '... and a rotated refresh token');
	is($r->{authorizations}, 1, '... and nobody is asked again');
}
$gw->stop;
done_testing;
