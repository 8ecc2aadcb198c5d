#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# private_key_jwt towards the identity provider: a real one (oidc-provider) reads our published keys and lets us in by
# a signature, also while the key changes.

use strict;
use warnings;

use JSON::PP ();
use Test::More;

use Gatehouse::Flow;
use Gatehouse::Http qw(request);
use Gatehouse::Peers;
use Gatehouse::Pg;
use Gatehouse::Run qw(free_port wait_until);
use Gatehouse::Server;

my $JSON = JSON::PP->new->utf8->canonical;
my $pg = Gatehouse::Pg->new;
my $port = free_port();
my $issuer = "http://127.0.0.1:$port";

sub policy {
	my (%login) = @_;
	return { name => 'idp', policyType => 'mcp-oauth-inbound', handler => { export => 'x', options => {
		oidc => { issuer => $issuer, discovery => JSON::PP::true },
		browserLogin => { clientId => 'gateway', tokenEndpointAuthMethod => 'private_key_jwt', scope => 'openid offline_access', %login } } } };
}
my $gw = Gatehouse::Server->new(pg => $pg, programs => [qw(discovery oauth consent)], oauth => 'idp',
	gateway => { rates => { register => 0, authorize => 0, token => 0, refresh => 0 } }, policies => [policy()],
	routes => { '/mcp/one' => { upstream => 'http://127.0.0.1:9/mcp' } });
my $dir = Gatehouse::Peers->scripts($gw->run);
my $idp = $gw->run->spawn('idp', {}, Gatehouse::Peers->node, "$dir/oidc.mjs", $JSON->encode({ port => $port, issuer => $issuer,
	automatic => 'ada', refresh => JSON::PP::true, users => { ada => { name => 'Ada', email => 'ada@example.com' } },
	client => { id => 'gateway', method => 'private_key_jwt', redirect_uris => [$gw->url('/oauth/callback')],
		more => { jwks_uri => $gw->url('/.well-known/jwks.json'), token_endpoint_auth_signing_alg => 'ES256' } } }));
wait_until(15, sub { $gw->run->log_text('idp') =~ /listening/ }) or die $gw->run->log_text('idp');

# The user's way through the provider and back: the page that it ends on, and what the client asked.
sub sign_in {
	my $flow = Gatehouse::Flow->new(origin => $gw->origin);
	my $ask = $flow->ask(route => '/mcp/one');
	my $url = $ask->{url};
	for (1 .. 12) {
		my $page = $flow->open($url);
		my $to = $page->header('location') // '';
		return ($page, $flow, $ask) if $to eq '';
		($url) = index($to, $issuer) == 0 ? through($to) : $to;
	}
	die 'too many redirects';
}

my %jar;
sub through {
	my ($url) = @_;
	for (1 .. 12) {
		my $r = request('GET', $url, { headers => [['Cookie', join '; ', map { "$_=$jar{$_}" } sort keys %jar]] });
		/^([^=]+)=([^;]*)/ && ($jar{$1} = $2) for @{ $r->{header}{'set-cookie'} || [] };
		my $to = $r->header('location') or die "the provider answers $r->{status}: $r->{content}";
		$url = $to =~ m{^/} ? "$issuer$to" : $to;
		return $url if index($url, $issuer) != 0;
	}
	die 'too many redirects at the provider';
}

my ($page, $flow, $ask) = sign_in();
is($page->{status}, 200, 'a user signs in at a provider that knows us by our key') or diag $gw->run->log_text('idp'), $gw->log('oauth');
like($page->{content}, qr/Ada|ada/, '... as who it is');
my $res = $flow->redeem($ask, $flow->answer($flow->decide($page, 'approve'))->{code});
is($res->{status}, 200, '... and a client gets its token') or diag $res->{content};
my $token = { %{ $res->json }, client => $ask->{client} };

# --- the claims are renewed by a signature as well

sub renew {
	my ($name) = @_;
	$pg->psql(q{update gatehouse.login set claims_at = now() - interval '2 days', renew_until = null});
	my $r = $flow->refresh($token);
	is($r->{status}, 200, $name) or diag $r->{content}, $gw->run->log_text('idp');
	$token = { %$token, %{ $r->json || {} } };
	is($pg->psql(q{select count(*) from gatehouse.login join gatehouse.grants using (login_id) where claims_at < now() - interval '1 day'}), 0, '... and were renewed');
	return;
}
renew('old claims are renewed');

# --- the key changes

my $keys = sub { my ($list) = ($gw->ctl(qw(keys list)))[1]; return { reverse $list =~ /^signing +(\S+) +(\S+)/mg } };
my $old = $keys->()->{primary};
is(($gw->ctl(qw(keys add signing)))[0], 0, 'a signing key is added');
my $new = $keys->()->{active};
is(($gw->ctl('reload'))[0], 0, '(reload)');
is(($gw->ctl(qw(keys primary signing), $new))[0], 0, '... and made primary');
is(($gw->ctl('reload'))[0], 0, '(reload)');
my $snapshot = sub { return ($gw->log('oauth') =~ /"snapshot":"?(\d+)/g)[-1] // 0 };
wait_until(30, sub { $snapshot->() >= 3 });
is(($gw->ctl(qw(keys retire signing), $old))[0], 0, '... and the old one retired');
is(($gw->ctl('reload'))[0], 0, '(reload)');
wait_until(30, sub { $snapshot->() >= 4 });
($page) = sign_in();
is($page->{status}, 500, 'a provider whose copy of our keys is older than the change does not know us: hence the steps');
kill USR2 => $idp;
($page) = sign_in();
is($page->{status}, 200, 'once it reads them again, a user signs in') or diag $gw->run->log_text('idp'), $gw->log('oauth');
renew('what was granted before is renewed under the new key');

# --- a provider that does not know the key

%jar = ();
$gw->write_project(policies => [policy(clientId => 'stranger')]);
is(($gw->ctl('reload'))[0], 0, 'the gateway gets another client id, which the provider does not know');
wait_until(30, sub { $snapshot->() >= 5 });
{
	my $stranger = Gatehouse::Flow->new(origin => $gw->origin);
	my $r = $stranger->open($stranger->ask(route => '/mcp/one')->{url});
	like($r->header('location'), qr/client_id=stranger/, '... and asks by it');
	my ($state) = $r->header('location') =~ /state=([^&]+)/;
	$r = $stranger->browse('GET', $gw->url("/oauth/callback?state=$state&code=x&iss=") . Gatehouse::Http::url_encode($issuer));
	is($r->{status}, 500, 'its token endpoint refuses us');
	like($r->{content}, qr/provider_refused_client/, '... and the page says whose mistake that is');
}
$gw->stop;
$pg->stop;
done_testing;
