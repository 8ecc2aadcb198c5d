#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# A user's way from the consent page to an upstream's authorization server and back, and out again.

use strict;
use warnings;

use JSON::PP ();
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
	policies => [ { name => 'mcp-token-exchange-linear', policyType => 'mcp-token-exchange-inbound',
		handler => { export => 'X', options => { displayName => 'Linear', authMode => 'user-oauth' } } } ],
	routes => { '/mcp/linear' => { upstream => $as->url('/mcp'), inbound => ['mcp-token-exchange-linear'] } });
my $flow = Gatehouse::Flow->new(origin => $gw->origin);
$flow->register;

# The consent page of a new request.
sub consent_page {
	my ($f) = @_;
	my $ask = $f->ask(route => '/mcp/linear');
	return ($f->open($ask->{url}), $ask);
}

# Presses Connect, and returns the connect URL that the page leads to.
sub connect_url {
	my ($f, $page) = @_;
	my $r = $f->decide($page, 'continue');
	is($r->{status}, 200, 'Connect shows a page') or diag $r->{content};
	my ($url) = ($r->header('refresh') // '') =~ /^0; url=(.*)/;
	return $url;
}

# What the browser does at the upstream: the callback URL that it is sent back to.
sub allow {
	my ($f, $url) = @_;
	my $r = $f->browse('GET', $url);
	is($r->{status}, 302, 'the connect address leads to the authorization server') or diag $r->{content};
	my $there = request('GET', $r->header('location'));
	return ($there->header('location'), $r->header('location'));
}

my ($page, $ask) = consent_page($flow);
like($page->{content}, qr/value="continue">Connect/, 'the consent page has a Connect button');
like($page->{content}, qr/value="approve" disabled/, 'and Authorize is disabled');
my $early = $flow->decide($page, 'approve', force => 1);
is($early->{status}, 400, 'whoever presses it all the same is refused');

my $url = connect_url($flow, $page);
like($url, qr{^\Q@{[$gw->origin]}\E/auth/connections/linear/connect\?browserTicket=[-\w]+&operationId=linear&redirect=true$},
	'the address names upstream, ticket and operation');

my $told = request('GET', $url =~ s/&redirect=true//r);
is($told->{status}, 428, 'a program that opens it is told so');
is($told->json->{state}, 'authenticating', 'with the state');
my $preview = request('GET', $url);
is($preview->{status}, 303, 'a browser without a session');
like($preview->header('location'), qr{^\Q@{[$gw->origin]}\E/oauth/sign-in\?return=}, '... has to sign in first');
is($pg->psql('select count(*) from gatehouse.connect_ticket'), '0', '... and spends no ticket');
my $resource = Gatehouse::Http::url_encode($as->url('/mcp'));
my ($back, $authorize) = allow($flow, $url);
like($authorize, qr/code_challenge_method=S256/, 'with PKCE');
like($authorize, qr/resource=\Q$resource\E/, 'for the resource that the metadata names');
like($authorize, qr/scope=read/, 'with the scopes that it supports');
is($flow->browse('GET', $url)->{status}, 400, 'a ticket serves once');

my $thief = Gatehouse::Flow->new(origin => $gw->origin, client => $flow->{client});
consent_page($thief);
is($thief->browse('GET', $back)->{status}, 403, 'the answer counts in the browser that began only');
my $mixed = $flow->browse('GET', $back =~ s/iss=[^&]*/iss=https%3A%2F%2Fevil.example/r);
is($mixed->{status}, 502, 'an answer of another issuer is refused');
unlike($mixed->{content}, qr/evil/, 'and nothing of it is shown');
is(scalar(my @none = $as->requests("/token")), 0, 'no code went anywhere');

($page, $ask) = consent_page($flow);
($back) = allow($flow, connect_url($flow, $page));
my $done = $flow->browse('GET', $back);
is($done->{status}, 303, 'the answer leads back') or diag $done->{content};
like($done->header('location'), qr{/oauth/setup\?request=}, 'to the consent page');
is($flow->browse('GET', $back)->{status}, 400, 'an answer counts once');
is(scalar(my @register = $as->requests("/register")), 1, 'one registration served both attempts');
my $token = ($as->requests('/token'))[0];
like($token->{content}, qr/resource=/, 'the resource is in the token request too');

$page = $flow->open($done->header('location'));
unlike($page->{content}, qr/value="continue"/, 'the upstream is connected now');
my $code = $flow->answer($flow->decide($page, 'approve'))->{code};
ok($code, 'and the client gets its code');

my $row = $pg->psql('select upstream_id, subject, state, issuer, scope, generation from gatehouse.connection');
is($row, 'linear|dev-browser-user|connected|' . $as->origin . '|read|1', 'the connection is kept');

my $grants = $flow->browse('GET', $gw->url('/oauth/grants'));
like($grants->{content}, qr/Disconnect: Linear/, 'the page of grants shows it');
my $form = $flow->form($grants, 'connection');
my $gone = $flow->browse('POST', $form->{action}, headers => [['Content-Type', 'application/x-www-form-urlencoded'],
	['Origin', $gw->origin]], content => 'csrf=x');
is($gone->{status}, 403, 'to end it takes the form');
$gone = $flow->browse('POST', $form->{action}, headers => [['Content-Type', 'application/x-www-form-urlencoded'],
	['Origin', $gw->origin]], content => "csrf=$form->{fields}[0][1]");
is($gone->{status}, 303, 'with it the connection ends') or diag $gone->{content};
is($pg->psql('select count(*) from gatehouse.connection'), '0', 'and is no more');
is(scalar(my @revoke = $as->requests("/revoke")), 2, 'both tokens were revoked at the provider');

# ---- an address that is opened where nobody is signed in

my $list = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
sub told { my ($subject) = @_; return $flow->call('/mcp/linear', issue($pg, $gw, '/mcp/linear', subject => $subject), $list)->json->{error}{data}{authUrl} }
my $mine = told('dev-browser-user');
my $fresh = Gatehouse::Flow->new(origin => $gw->origin);
my $r = $fresh->browse('GET', $mine);
my ($id) = map { /^gatehouse_request_(\w+)/ } keys %{ $fresh->{cookies} };
ok(!$id, 'connect itself gives no cookie');
$r = $fresh->open($r->header('location'));
is($r->{status}, 302, 'the sign-in comes back to the address, which goes on') or diag $r->{content};
my $as_url = $as->url('/authorize?');
like($r->header('location'), qr{^\Q$as_url\E}, '... to the authorization server');
$done = $fresh->browse('GET', request('GET', $r->header('location'))->header('location'));
is($done->{status}, 200, '... and back to a page that says that it is done') or diag $done->{content};
is($pg->psql("select state from gatehouse.connection where subject = 'dev-browser-user'"), 'connected', 'the connection is made');

my $theirs = told('somebody-else');
my $wrong = Gatehouse::Flow->new(origin => $gw->origin);
$r = $wrong->open($theirs);
is($r->{status}, 403, 'whoever signs in as somebody else is refused');
like($r->{content}, qr/other_user/, '... and told why');
is($pg->psql("select count(*) from gatehouse.connection where subject = 'somebody-else'"), '0', '... and nothing is connected');
is($pg->psql("select count(*) from gatehouse.connect_ticket t join gatehouse.connect_attempt a using (attempt_id) where a.subject = 'somebody-else'"),
	'0', '... and the ticket is as good as before');

my $sealed = $pg->psql("select string_agg(encode(return_to, 'escape'), ' ') from gatehouse.sign_in");
unlike($sealed, qr/browserTicket|connections/, 'what is kept meanwhile is sealed');
for (['nothing', ''], ['another site', 'https%3A%2F%2Fevil.example%2F'], ['another site, shortly', '%2F%2Fevil.example'],
	['another site behind a backslash', '%2Fauth%2Fconnections%2F%5Cevil'], ['a way out', '%2Fauth%2Fconnections%2F..%2F..%2Foauth%2Flogout'],
	['a way out in another spelling', '%2Fauth%2Fconnections%2F%252e%252e%2Fx'], ['another page', '%2Foauth%2Fsetup%3Frequest%3D1'],
	['a beginning of one', '%2Foauth%2Fgrantsx'], ['a line break', '%2Fauth%2Fconnections%2Fx%0D%0ASet-Cookie%3A%20a'],
	['a page twice', '%2Foauth%2Fgrants&return=%2Foauth%2Fgrants']) {
	is(Gatehouse::Flow->new(origin => $gw->origin)->browse('GET', $gw->url("/oauth/sign-in?return=$_->[1]"))->{status}, 400, "a sign-in that leads to $_->[0] is refused");
}
my $guest = Gatehouse::Flow->new(origin => $gw->origin);
my $login = $guest->browse('GET', $gw->url('/oauth/sign-in?return=%2Foauth%2Fgrants'))->header('location');
is(Gatehouse::Flow->new(origin => $gw->origin)->browse('GET', $login)->{status}, 400, 'another browser cannot complete a sign-in');
is($guest->browse('GET', $login)->header('location'), $gw->url('/oauth/grants'), 'the one that began it can');
is($guest->browse('GET', $login)->{status}, 400, '... once');
is($guest->browse('GET', $gw->url('/oauth/grants'))->{status}, 200, '... and is signed in');
$pg->psql("update gatehouse.sign_in set expires_at = now() - interval '2 hours'");
$login = $guest->browse('GET', $gw->url('/oauth/sign-in?return=%2Foauth%2Fgrants'))->header('location');
$pg->psql("update gatehouse.sign_in set expires_at = now() where session_hash is null");
is($guest->browse('GET', $login)->{status}, 400, 'one that took too long does not count');
$pg->psql('select gatehouse.login_step(100)');
is($pg->psql("select count(*) from gatehouse.sign_in where expires_at < now() - interval '1 hour'"), '0', 'what is over is removed');

done_testing;
