#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# One connection for everybody: made by an administrator through a URL of gatehousectl, used by all, seen by none.

use strict;
use warnings;

use Test::More;

use Gatehouse::Authority;
use Gatehouse::Flow;
use Gatehouse::Http qw(request);
use Gatehouse::Pg;
use Gatehouse::Server;
use Gatehouse::Token qw(issue);

my $as = Gatehouse::Authority->new;
my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg,
	policies => [map { { name => "mcp-token-exchange-$_->[0]", policyType => 'mcp-token-exchange-inbound',
		handler => { export => 'X', options => { displayName => ucfirst $_->[0], authMode => $_->[1],
			clientId => 'known', clientSecret => 'a b+c', tokenEndpointAuthMethod => 'client_secret_basic' } } } }
		['shared', 'shared-oauth'], ['own', 'user-oauth']],
	routes => { map { ("/mcp/$_" => { upstream => $as->url('/mcp'), inbound => ["mcp-token-exchange-$_"] }) } qw(shared own) });
my $flow = Gatehouse::Flow->new(origin => $gw->origin);
my $call = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoami","arguments":{}}}';
my %token = map { $_ => issue($pg, $gw, '/mcp/shared', subject => $_) } qw(alice bob);

my $r = $flow->call('/mcp/shared', $token{alice}, $call);
is($r->json->{error}{data}{state}, 'admin_connect_required', 'a shared upstream that nobody has connected: an administrator must');
is($r->json->{error}{message}, 'An administrator must connect Shared before this service is available.', 'as the message says');
ok(!exists $r->json->{error}{data}{authUrl}, 'users are sent nowhere');
my $page = $flow->open($flow->ask(route => '/mcp/shared')->{url});
unlike($page->{content}, qr/value="continue"/, 'the consent page has no Connect button');
like($page->{content}, qr/value="approve" disabled/, 'and Authorize is disabled');

my ($status, $output) = $gw->ctl('connect', 'own');
is($status, 1, 'gatehousectl connect refuses an upstream that is not shared');
($status, $output) = $gw->ctl('connect', 'none');
is($status, 1, 'and one that there is not');
($status, $output) = $gw->ctl('connect', 'shared');
is($status, 0, 'for a shared one') or diag $output;
my ($url) = $output =~ /^(http\S+)$/m;
ok($url, 'it prints a URL');

my $admin = Gatehouse::Flow->new(origin => $gw->origin);    # nobody is signed in there
my $to = $admin->browse('GET', $url);
is($to->{status}, 302, 'which leads to the authorization server') or diag $to->{content};
like($to->header('location'), qr/client_id=known&/, 'as the client of the configuration');
is($admin->browse('GET', $url)->{status}, 400, 'once');
my $back = request('GET', $to->header('location'))->header('location');
is(Gatehouse::Flow->new(origin => $gw->origin)->browse('GET', $back)->{status}, 403, 'the answer counts in that browser only');
my $done = $admin->browse('GET', $back);
is($done->{status}, 200, 'there it makes the connection') or diag $done->{content};
like($done->{content}, qr/Everybody/, 'of everybody');
is(($as->requests('/token'))[-1]{header}{authorization}, 'Basic a25vd246YSUyMGIlMkJj', 'with both halves of Basic encoded');
is(scalar(my @registrations = $as->requests('/register')), 0, 'and no registration');

# the upstream names another server than the one that knows the configured client
is($pg->psql("select count(*) from gatehouse.upstream_registration where client_id = 'known'"), 1, 'the client belongs to that server now');
$pg->psql("update gatehouse.upstream_registration set issuer = 'https://before.example' where client_id = 'known'");
($status, $output) = $gw->ctl('connect', 'shared');
($url) = $output =~ /^(http\S+)$/m;
$to = $admin->browse('GET', $url);
is($to->{status}, 502, 'F99: at another one it is not used');
like($to->{content}, qr/another authorization server than the one that knows the gateway/, '... and the page says why');
$pg->psql("update gatehouse.upstream_registration set issuer = '@{[$as->url('')]}' where client_id = 'known'");

is($flow->call('/mcp/shared', $token{$_}, $call)->json->{result}{content}[0]{text}, 'hello upstream-user', "$_ uses it")
  for qw(alice bob);
$page = $flow->open($flow->ask(route => '/mcp/shared')->{url});
unlike($page->{content}, qr/ disabled/, 'the consent page lets people authorize');
unlike($flow->browse('GET', $gw->url('/oauth/grants'))->{content}, qr/Disconnect/, 'nobody can end it on the page of grants');

# who we are there may change: what belonged to the other client is not used
$gw->write_project(policies => [{ name => 'mcp-token-exchange-shared', policyType => 'mcp-token-exchange-inbound',
	handler => { export => 'X', options => { displayName => 'Shared', authMode => 'shared-oauth', clientId => 'another' } } }],
	routes => { '/mcp/shared' => { upstream => $as->url('/mcp'), inbound => ['mcp-token-exchange-shared'] } });
is(($gw->ctl('reload'))[0], 0, 'another client id is configured');
sleep 2;
$as->clear;
$as->expire;
$r = $flow->call('/mcp/shared', $token{bob}, $call);
is($r->json->{error}{data}{state}, 'reconsent_required', 'the connection of the old one ends with its token');
is(scalar(my @tokens = $as->requests('/token')), 0, 'and its refresh token goes nowhere');

done_testing;
