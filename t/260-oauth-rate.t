#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Rates: twice as many as the minute allows in a burst, and one past it 429 with Retry-After. One process, as
# each counts for itself.

use strict;
use warnings;

use Test::More;

use Gatehouse::Documents;
use Gatehouse::Flow;
use Gatehouse::Http qw(request form_encode);
use Gatehouse::Pg;
use Gatehouse::Server;

my $pg = Gatehouse::Pg->new;
my %common = (pg => $pg, programs => [qw(oauth consent)], routes => { '/mcp/one' => { upstream => 'http://127.0.0.1:9/mcp' } });
my $gw = Gatehouse::Server->new(%common,
	gateway => { rates => { register => 6, authorize => 6, token => 6, refresh => 6 }, trustedProxies => ['127.0.0.1/32'] });
my $o = $gw->origin;

# How often in a row something is not refused, at most 40 times, and the refusal.
sub until_refused {
	my ($do) = @_;
	my ($n, $r) = (0);
	for (1 .. 40) {
		$r = $do->();
		last if $r->{status} == 429;
		$n++;
	}
	return ($n, $r);
}

sub from { my ($address) = @_; return ['X-Forwarded-For', $address] }

sub register_from {
	my ($address) = @_;
	return request('POST', "$o/oauth/register", { headers => [['Content-Type', 'application/json'], from($address)],
		content => '{"redirect_uris":["http://127.0.0.1/cb"],"token_endpoint_auth_method":"none"}' });
}

{
	my ($n, $r) = until_refused(sub { register_from('192.0.2.1') });
	is($n, 12, 'of registrations at 6 a minute twelve pass at once, and the next does not');
	like($r->header('retry-after'), qr/^(?:[1-9]|1[01])$/, '... and is told to wait for one more');
	is($r->json->{error}, 'rate_limited', '... in the form of the endpoint');
	is(register_from('192.0.2.2')->{status}, 201, 'another address is not held back');
	($n) = until_refused(sub { register_from(sprintf '2001:db8::%x', 1 + int rand 65000) });
	is($n, 12, 'addresses of one /64 count as one');
	is(register_from('2001:db8:0:1::1')->{status}, 201, 'another /64 does not');
}
my $client = register_from('192.0.2.3')->json;
my $second = Gatehouse::Flow->new(origin => $o)->register(client_name => 'Second');
{
	my $authorize = sub {
		my ($id) = @_;
		return request('GET', "$o/oauth/authorize?client_id=$id", { headers => [from('192.0.2.3')] });
	};
	my ($n, $r) = until_refused(sub { $authorize->($client->{client_id}) });
	is($n, 12, 'authorize has its rate');
	ok($r->header('retry-after'), '... and says when to come back');
	is($authorize->($second->{client_id})->{status}, 303, 'another client of the same address is not held back');
	($n) = until_refused(sub { $authorize->('made-up-' . rand) });
	is($n, 12, 'clients that nobody knows count by address alone');
	my $token = sub {
		return request('POST', "$o/oauth/token", { headers => [['Content-Type', 'application/x-www-form-urlencoded'],
			from('192.0.2.3')], content => form_encode(grant_type => 'refresh_token', refresh_token => 'x', @_) });
	};
	($n, $r) = until_refused(sub { $token->(client_id => $client->{client_id}) });
	is($n, 12, 'the token endpoint has its rate');
	is($token->(client_id => $second->{client_id})->{status}, 400, '... for each client');
	($n) = until_refused(sub { $token->(client_id => 'made-up-' . rand) });
	is($n, 12, '... and for those that nobody knows');
}
{
	my $host = Gatehouse::Documents->new;
	my ($app, $other) = ($host->client('/app'), $host->client('/other'));
	my $n = 0;
	my $authorize = sub {    # each time from another address
		my ($id) = @_;
		my %ask = (response_type => 'code', redirect_uri => 'http://127.0.0.1/callback', code_challenge_method => 'S256',
			code_challenge => 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', resource => "$o/mcp/one", client_id => $id);
		return request('GET', "$o/oauth/authorize?" . form_encode(%ask), { headers => [from('198.51.100.' . ++$n)] })->{status};
	};
	is($authorize->($app), 303, 'a document is fetched');
	for (1 .. 20) { $authorize->($host->url("/invented-$_")) }
	is(scalar(grep { $host->count("/invented-$_") } 1 .. 20), 11, 'a host is asked for as many as its rate allows, whoever asks');
	is($authorize->($other), 503, '... and for one that was never there not now');
	$pg->psql("update gatehouse.client_document set fresh_until = now() where client_id = '$app'");
	is($authorize->($app), 303, '... but who invents addresses keeps nobody from a client that is known');
	is($host->count('/app'), 2, '... whose document is asked for again');
}
$gw->stop;

$gw = Gatehouse::Server->new(%common, gateway => { rates => { register => 0, authorize => 0, token => 0, refresh => 6 } });
{
	my $flow = Gatehouse::Flow->new(origin => $gw->origin);
	my $tok = $flow->sign_in(route => '/mcp/one');
	my $client = $tok->{client};
	my ($n, $r) = until_refused(sub {
		my $r = $flow->refresh($tok);
		is($flow->refresh($tok)->{status}, 200, 'a repetition is not counted') if $r->{status} == 200;
		$tok = { %{ $r->json }, client => $client } if $r->{status} == 200;
		return $r;
	});
	is($n, 12, 'a grant has its rate of refreshes');
	ok($r->header('retry-after'), '... and the client is told when to come back');
	is($pg->psql("select count(*) from gatehouse.grants where revoked_at is not null"), 0, '... and loses nothing');
	is($flow->refresh($flow->sign_in(route => '/mcp/one'))->{status}, 200, 'another grant is not held back');
}
my ($n) = until_refused(sub { request('GET', $gw->url('/oauth/authorize')) });
is($n, 40, 'a rate of 0 is none');
$gw->stop;

done_testing;
