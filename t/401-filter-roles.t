#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Roles from the sign-in decide what a user sees and may call: two people, one route.

use strict;
use warnings;

use JSON::PP ();
use Test::More;

use Gatehouse::Flow;
use Gatehouse::Http qw(request url_encode);
use Gatehouse::Peers;
use Gatehouse::Pg;
use Gatehouse::Run qw(free_port wait_until);
use Gatehouse::Server;
use Gatehouse::Upstream;

my $up = Gatehouse::Upstream->new(sub {
	my ($c, $r) = @_;
	return $c->result($r, { tools => [map { { name => $_ } } qw(view edit admin)], cacheScope => 'public', ttlMs => 1000 })
	  if $r->{content} =~ /tools\/list/;
	return $c->result($r, { content => [] });
});
my $pg = Gatehouse::Pg->new;
my $port = free_port();
my $issuer = "http://127.0.0.1:$port";

sub filter {
	my ($role) = @_;
	return { name => 'filter', policyType => 'mcp-capability-filter-inbound', handler => { export => 'x', options => {
		accessControl => { mode => 'rolesAndGroups' },
		tools => [{ name => 'view', public => JSON::PP::true }, { name => 'edit', roles => [$role] }, 'admin'] } } };
}
my $idp = { name => 'idp', policyType => 'mcp-oauth-inbound', handler => { export => 'x', options => {
	oidc => { issuer => $issuer, discovery => JSON::PP::true },
	browserLogin => { clientId => 'gateway', clientSecret => 'secret' } } } };
my $gw = Gatehouse::Server->new(pg => $pg, oauth => 'idp', policies => [$idp, filter('editor')],
	routes => { '/mcp/one' => { upstream => $up->url('/mcp'), inbound => ['filter'] },
		'/mcp/open' => { upstream => $up->url('/mcp'), public => 1, inbound => ['filter'] } });
my $scripts = Gatehouse::Peers->scripts($gw->run);
$gw->run->spawn('provider', {}, Gatehouse::Peers->node, "$scripts/provider.mjs", $port, 'gateway', 'secret');
wait_until(10, sub { $gw->run->log_text('provider') =~ /ready/ }) or die $gw->run->log_text('provider');
my @rows = @{ request('GET', "$issuer/rows")->json };

# A person signs in as the provider's row NAME says, and consents: the token.
sub sign_in {
	my ($name) = @_;
	my ($row) = grep { $rows[$_]{name} eq $name } 0 .. $#rows;
	my $flow = Gatehouse::Flow->new(origin => $gw->origin);
	my $ask = $flow->ask(route => '/mcp/one', client => $flow->register);
	my $sent = $flow->answer($flow->browse('GET', $ask->{url}));
	my $back = $gw->url('/oauth/callback?state=' . url_encode($sent->{state}) . '&code=' . url_encode("$row.$sent->{nonce}"));
	my $answer = $flow->answer($flow->decide($flow->open($back), 'approve'));
	return $flow->redeem($ask, $answer->{code})->json;
}

sub call {
	my ($token, $method, $params, $route) = @_;
	return Gatehouse::Flow->new(origin => $gw->origin)->call($route || '/mcp/one', $token,
		{ jsonrpc => '2.0', id => 1, method => $method, params => $params || {} });
}
sub names { return join ' ', map { $_->{name} } @{ $_[0]->json->{result}{tools} } }

my $plain = (grep { !defined $_->{reason} } @rows)[0]{name};
my $ada = sign_in($plain);
my $grace = sign_in('userinfo with more');
for my $round (1, 2) {    # the second time from the cache
	is(names(call($ada, 'tools/list')), 'view', 'a user without the role sees what is public');
	is(names(call($grace, 'tools/list')), 'view edit', 'one with it sees its entry, but none without a mark');
}
is(call($grace, 'tools/list')->json->{result}{cacheScope}, 'private', 'such a list is private');
is(call($grace, 'tools/call', { name => 'edit' })->json->{result} ? 1 : 0, 1, 'the role may call');
is(call($ada, 'tools/call', { name => 'edit' })->json->{error}{code}, -32601, 'others may not');
is(call($grace, 'tools/call', { name => 'admin' })->json->{error}{code}, -32601, 'nobody may call what is for nobody');
is(names(call(undef, 'tools/list', {}, '/mcp/open')), 'view', 'on a public route everybody is nobody');

$gw->write_project(policies => [$idp, filter('admin')]);
my ($status, $text) = $gw->ctl('reload');
is($status, 0, 'the roles are changed') or diag $text;
ok(wait_until(10, sub { names(call($grace, 'tools/list')) eq 'view' }), 'and count from the reload on');
unlike($gw->log, qr/editor/, 'no log tells a role');
is($pg->psql(q{select count(*) from gatehouse.grants where claims::text like '%editor%'}), 0, 'nor does the database');

$gw->stop;
done_testing();
