#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# The official SDK clients of both generations, registered and as documents at an https site of their own: refresh, a person
# who says no, revocation.

use strict;
use warnings;

use Test::More;

use Gatehouse::Peers;
use Gatehouse::Pg;
use Gatehouse::Run qw(find_program free_port wait_until);
use Gatehouse::Server;

my $TTL = 3;
my $peers = Gatehouse::Run->new('peers');
my $everything = Gatehouse::Peers->everything($peers);
my $scripts = Gatehouse::Peers->scripts($peers);
my $dir = $peers->dir;

# --- the site of the client, with a certificate of its own

my ($status, $text) = $peers->command({}, find_program('openssl'), qw(req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2),
	'-subj', '/CN=client', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', "$dir/site.key", '-out', "$dir/site.crt");
is($status, 0, 'a certificate is made') or diag $text;
my $port = free_port();
my $document = "https://127.0.0.1:$port/app";
$peers->spawn('document', {}, Gatehouse::Peers->node, "$scripts/document.mjs", $port, "$dir/site.key", "$dir/site.crt",
	'http://127.0.0.1:33418/callback');
ok(wait_until(20, sub { $peers->log_text('document') =~ /listening/ }), 'the site is up') or diag $peers->log_text('document');
chmod 0755, $dir;

my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, processes => { mcp => 2 }, routes => { '/mcp/everything' => { upstream => $everything->{url} } },
	oauth_gateway => { accessTokenTtlSeconds => $TTL }, gateway => { outbound => { caFile => "$dir/site.crt" } });
my $url = $gw->url('/mcp/everything');
sub scenario { my ($name, %o) = @_; return Gatehouse::Peers->scenario($peers, $name, url => $url, %o) }

for my $generation (1, 2) {
	for my $mode ('registered', 'document') {
		my $name = ($generation == 1 ? 'SDK 1.32' : 'SDK 2.4') . ", $mode";
		my %o = (generation => $generation, ($mode eq 'document' ? (document => $document) : ()));
		my $r = scenario('refresh', %o, wait_ms => ($TTL + 1) * 1000);
		$mode eq 'document' ? is($r->{client_id}, $document, "$name: the client is its document")
		  : like($r->{client_id}, qr/^[0-9a-f-]{36}$/, "$name: the client gets an id");
		is_deeply($r->{echo}, ['Echo: one', 'Echo: two'], "$name: goes on when its access token has expired");
		isnt($r->{second}{refresh_token}, $r->{first}{refresh_token}, '... with a rotated refresh token');
		is($r->{authorizations}, 1, '... and nobody is asked again');

		is(scenario('deny', %o)->{error}, 'access_denied', "$name: is told when the person says no");

		$r = scenario('revoked', %o);
		is($r->{status}, 200, "$name: revokes what it holds");
		ok($r->{unauthorized} && $r->{authorizations} == 2, '... and is sent to sign in again at the next call') or diag explain $r;
	}
}
is(() = $peers->log_text('document') =~ /^read/mg, 1, 'the document was read once');
$gw->stop;
$peers->stop;
done_testing;
