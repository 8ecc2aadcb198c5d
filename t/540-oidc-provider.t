#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# The whole way with other people's software at the other end: oidc-provider as the upstream's authorization
# server (registration, rotation with reuse detection, resource indicators, revocation), server-everything behind it.

use strict;
use warnings;

use JSON::PP ();
use Test::More;

use Gatehouse::Flow;
use Gatehouse::Http qw(parallel);
use Gatehouse::Peers;
use Gatehouse::Pg;
use Gatehouse::Run qw(free_port wait_until);
use Gatehouse::Server;
use Gatehouse::Token qw(issue);

my $port = free_port();
my $known_port = free_port();
my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, processes => { mcp => 2 },
	policies => [{ name => 'mcp-token-exchange-everything', policyType => 'mcp-token-exchange-inbound',
			handler => { export => 'X', options => { displayName => 'Everything', authMode => 'user-oauth' } } },
		{ name => 'mcp-token-exchange-known', policyType => 'mcp-token-exchange-inbound', handler => { export => 'X', options => {
			displayName => 'Known', authMode => 'user-oauth', clientId => 'gateway', clientSecret => 'known secret' } } }],
	routes => { '/mcp/everything' => { upstream => "http://127.0.0.1:$port/mcp", inbound => ['mcp-token-exchange-everything'] },
		'/mcp/known' => { upstream => "http://127.0.0.1:$known_port/mcp", inbound => ['mcp-token-exchange-known'] } });
my $run = $gw->run;
my $everything = Gatehouse::Peers->everything($run);
my $dir = Gatehouse::Peers->scripts($run);
$run->spawn('protected', {}, Gatehouse::Peers->node, "$dir/protected.mjs", JSON::PP->new->encode({ port => $port,
	upstream => $everything->{url}, user => 'ada', accessTokenTTL => 600 }));
wait_until(20, sub { $run->log_text('protected') =~ /listening/ }) or die $run->log_text('protected');

my $flow = Gatehouse::Flow->new(origin => $gw->origin);
$flow->register;
my $ask = $flow->ask(route => '/mcp/everything');
my $page = $flow->open($ask->{url});
my ($url) = ($flow->decide($page, 'continue')->header('refresh') // '') =~ /url=(.*)/;
my $to = $flow->browse('GET', $url);
is($to->{status}, 302, 'registered, and on the way') or diag $to->{content};

my $there = Gatehouse::Flow->new(origin => "http://127.0.0.1:$port");    # the same person's browser, there
my $back = $there->open($to->header('location'));
like($back->header('location') // $back->{content}, qr{^\Q@{[$gw->origin]}\E/auth/connections/everything/callback\?}, 'and back')
  or diag $run->log_text('protected');
my $done = $flow->browse('GET', $back->header('location'));
is($done->{status}, 303, 'the code is redeemed') or diag $done->{content}, $run->log_text('protected');
$page = $flow->open($done->header('location'));
my $code = $flow->answer($flow->decide($page, 'approve'))->{code};
my $token = $flow->redeem($ask, $code)->json;
ok($token->{access_token}, 'the client has its token');

my $initialize = { jsonrpc => '2.0', id => 1, method => 'initialize', params => { protocolVersion => '2025-11-25',
	capabilities => {}, clientInfo => { name => 't', version => '1' } } };
sub call { return $flow->call('/mcp/everything', $token, $initialize) }
like(call()->{content}, qr/serverInfo/, 'and calls reach server-everything');
like($run->log_text('protected'), qr/call of ada/, 'in the name of the user there');

for my $round (1 .. 3) {
	$pg->psql("update gatehouse.connection set expires_at = now()");
	my @all = parallel(map { ['POST', $gw->url('/mcp/everything'), $flow->call_request($token, $initialize)] } 1 .. 20);
	is(scalar(grep { $_->{content} =~ /serverInfo/ } @all), 20, "round $round: 20 calls on an expired token succeed");
	is($pg->psql('select generation from gatehouse.connection'), $round + 1, '... by one refresh, whose rotation was kept');
}
unlike($run->log_text('protected'), qr/grant refused/, 'the provider saw no refresh token twice');

my $form = $flow->form($flow->browse('GET', $gw->url('/oauth/grants')), 'connection');
my ($csrf) = map { $_->[1] } grep { $_->[0] eq 'csrf' } @{ $form->{fields} };
is($flow->browse('POST', $form->{action}, headers => [['Content-Type', 'application/x-www-form-urlencoded'],
	['Origin', $gw->origin]], content => "csrf=$csrf")->{status}, 303, 'the user disconnects');
is(call()->json->{error}{data}{state}, 'authenticating', 'and has to connect anew');

# ---- registration is off there, and tokens live for seconds

$run->spawn('known', {}, Gatehouse::Peers->node, "$dir/protected.mjs", JSON::PP->new->encode({ port => $known_port,
	upstream => $everything->{url}, user => 'grace', accessTokenTTL => 3, client => { client_id => 'gateway', client_secret => 'known secret',
		redirect_uris => [$gw->url('/auth/connections/known/callback')], grant_types => ['authorization_code', 'refresh_token'] } }));
wait_until(20, sub { $run->log_text('known') =~ /listening/ }) or die $run->log_text('known');
my $known = issue($pg, $gw, '/mcp/known', subject => 'dev-browser-user');
sub call_known { return $flow->call('/mcp/known', $known, $initialize) }
$to = $flow->browse('GET', call_known()->json->{error}{data}{authUrl});
like($to->header('location') // $to->{content}, qr/client_id=gateway&/, 'a client that is known there needs no registration') or diag $to->{content};
$back = Gatehouse::Flow->new(origin => "http://127.0.0.1:$known_port")->open($to->header('location'));
is($flow->browse('GET', $back->header('location'))->{status}, 200, '... and is connected') or diag $run->log_text('known');
my @wrong;
for (1 .. 9) {
	my $r = call_known();
	push @wrong, "$r->{status} $r->{content}" if $r->{content} !~ /serverInfo/;
	select undef, undef, undef, 1;
}
is("@wrong", '', 'calls go on over several lives of its tokens');
cmp_ok($pg->psql("select generation from gatehouse.connection where upstream_id = 'known'"), '>=', 3, '... each renewed');
unlike($run->log_text('known'), qr/grant refused/, '... with a refresh token that nobody had used');
like($run->log_text('known'), qr/call of grace/, '... in the name that the user has there');

done_testing;
