#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# The authorization server while its database stands still, is away, and is back.

use strict;
use warnings;

use Test::More;

use Gatehouse::Flow;
use Gatehouse::Http qw(parallel request);
use Gatehouse::Pg;
use Gatehouse::Run qw(wait_until);
use Gatehouse::Server;

my $pg = Gatehouse::Pg->new(private => 1);
my $gw = Gatehouse::Server->new(pg => $pg, programs => [qw(discovery oauth consent)],
	routes => { '/mcp/one' => { upstream => 'http://127.0.0.1:9/mcp' } },
	gateway => { rates => { register => 0, authorize => 0, token => 0, refresh => 0 } });
my $flow = Gatehouse::Flow->new(origin => $gw->origin);
my $client = $flow->register;
my $tok = $flow->sign_in(route => '/mcp/one');
my $ask = $flow->ask(route => '/mcp/one', client => $client);

sub refused {
	my ($name) = @_;
	my %answer = (
		refresh => sub { $flow->refresh($tok) },
		register => sub { $flow->register_request(client_name => 'Late', token_endpoint_auth_method => 'client_secret_post') },
		authorize => sub { $flow->browse('GET', $ask->{url}) },
		revoke => sub { $flow->revoke($tok) },
	);
	for my $what (sort keys %answer) {
		my $r = $answer{$what}->();
		is($r->{status}, 503, "$name: $what is told to come back");
		like($r->header('retry-after') // '', qr/^\d+$/, '... and when');
		is($r->json->{error}, 'temporarily_unavailable', '... in the words that keep a client its tokens') if $what ne 'authorize';
	}
	is(request('GET', $gw->url('/.well-known/oauth-authorization-server'))->{status}, 200, "$name: discovery needs no database");
}

sub recovers {
	my ($name) = @_;
	my ($r, $refused) = (undef, 0);
	wait_until(60, sub { $r = $flow->refresh($tok); $r->{status} != 503 || !++$refused });
	is($r->{status}, 200, "$name: the client's retry succeeds") or diag($r->{content});
	cmp_ok($refused, '<', 80, '... after no more refusals than come in two seconds of a machine that has nothing else to do');
	$tok = { %$tok, %{ $r->json } } if $r->{status} == 200;
}

$pg->freeze;
refused('stopped');
$pg->thaw;
recovers('stopped');
is($flow->refresh($tok)->{status}, 200, 'and the token it got is good') or diag('the grant was lost');
$tok = { %{ $flow->sign_in(route => '/mcp/one') } };

$pg->halt;
refused('away');
$pg->start;
recovers('away');
like($gw->log('oauth'), qr/database_(?:timeout|unavailable)/, 'the log says why');

$gw->stop;
done_testing;
