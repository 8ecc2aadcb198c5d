#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Two routes of one gateway: a token opens the one that it was made for.

use strict;
use warnings;

use Test::More;

use Gatehouse::Flow;
use Gatehouse::Peers;
use Gatehouse::Pg;
use Gatehouse::Run;
use Gatehouse::Server;

my $peers = Gatehouse::Run->new('peers');
my $up = Gatehouse::Peers->upstream($peers);
my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, routes => {
	map { ("/mcp/$_" => { upstream => "$up->{origin}/mcp" }) } qw(one two onemore),
});
my $flow = Gatehouse::Flow->new(origin => $gw->origin);
my %token = map { $_ => $flow->sign_in(route => "/mcp/$_") } qw(one two);
my $call = { jsonrpc => '2.0', id => 7, method => 'tools/list' };

for my $row (
	['one', 'one', 200, 'a token opens its own route'],
	['two', 'two', 200, 'the other opens the other'],
	['two', 'one', 401, 'a token of the first route is refused on the second'],
	['one', 'two', 401, 'and the other way round'],
	['onemore', 'one', 401, 'a route whose name begins with the other\'s is another route'],
) {
	my ($route, $whose, $status, $name) = @$row;
	my $r = $flow->call("/mcp/$route", $token{$whose}, $call);
	is($r->{status}, $status, $name);
	next if $status == 200;
	my $challenge = $r->header('WWW-Authenticate') // '';
	like($challenge, qr/error="invalid_token"/, '... as invalid');
	like($challenge, qr{resource_metadata="[^"]+/mcp/\Q$route\E"}, '... and the way to a token of this route is shown');
	unlike($r->{content}, qr/result/, '... without an answer of the upstream');
}
for my $with ([resource => $gw->url('/mcp/two')]) {
	my $r = $flow->refresh($token{one}, @$with);
	is($r->{status}, 400, 'a refresh cannot move to the other route');
	is($r->json->{error}, 'invalid_target', '... and says why');
}
is($flow->call('/mcp/one', { access_token => $token{one}{refresh_token} }, $call)->{status}, 401,
	'a refresh token opens nothing');

is($flow->revoke($token{one})->{status}, 200, 'the grant of the first is revoked');
ok(Gatehouse::Run::wait_until(10, sub { $flow->call('/mcp/one', $token{one}, $call)->{status} == 401 }),
	'its token is refused from then on');
is($flow->call('/mcp/two', $token{two}, $call)->{status}, 200, 'the second goes on');

my $log = $gw->log;
unlike($log, qr/\Q$_\E/, 'no token is in any log') for map { @$_{qw(access_token refresh_token)} } values %token;
$gw->stop;
done_testing;
