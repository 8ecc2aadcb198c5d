#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# A thousand at once, over HTTP and two processes: of one refresh token, of one code.

use strict;
use warnings;

use Test::More;

use Gatehouse::Flow;
use Gatehouse::Http qw(parallel);
use Gatehouse::Pg;
use Gatehouse::Server;

my $MANY = 1000;
my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, programs => [qw(oauth consent)], processes => { oauth => 2 },
	routes => { '/mcp/one' => { upstream => 'http://127.0.0.1:9/mcp' } },
	gateway => { rates => { register => 0, authorize => 0, token => 0, refresh => 30 } });
my $flow = Gatehouse::Flow->new(origin => $gw->origin);
my $client = $flow->register;
my $url = $gw->url('/oauth/token');

# Status and error of each answer, counted.
sub tally {
	my %seen;
	$seen{ $_->{status} . ' ' . ($_->{error} || ($_->json || {})->{error} || 'ok') }++ for @_;
	return \%seen;
}

sub grants {
	return $pg->psql("select count(*) filter (where revoked_at is null), count(*) from gatehouse.grants");
}

{
	my $tok = $flow->sign_in(route => '/mcp/one', client => $client);
	my $request = $flow->token_request($client, grant_type => 'refresh_token', refresh_token => $tok->{refresh_token});
	my @answers = parallel(map { ['POST', $url, { %$request, timeout => 120 }] } 1 .. $MANY);
	is_deeply(tally(@answers), { '200 ok' => $MANY }, "$MANY refreshes of one token at the same moment all succeed");
	my %pairs = map { my $j = $_->json || {}; (join(' ', map { $_ // '' } @$j{qw(access_token refresh_token)}) => 1) } @answers;
	is(scalar keys %pairs, 1, '... with one distinct pair');
	is(grants(), '1|1', '... and one live grant');
	is($pg->psql('select count(*) from gatehouse.refresh_token'), 2, '... that has one successor');
	my $next = { %{ $answers[0]->json }, client => $client };
	is($flow->refresh($next)->{status}, 200, '... which refreshes');
}
{
	my $ask = $flow->ask(route => '/mcp/one', client => $client);
	my $code = $flow->answer($flow->decide($flow->open($ask->{url}), 'approve'))->{code};
	my $request = $flow->token_request($client, grant_type => 'authorization_code', code => $code,
		code_verifier => $ask->{verifier}, redirect_uri => $ask->{redirect_uri});
	my @answers = parallel(map { ['POST', $url, { %$request, timeout => 120 }] } 1 .. $MANY);
	is_deeply(tally(@answers), { '200 ok' => 1, '400 invalid_grant' => $MANY - 1 },
		"B34 of $MANY redemptions of one code at the same moment one succeeds");
	is($pg->psql("select count(*) from gatehouse.access_token a join gatehouse.grants g using (grant_id)
		where g.revoke_reason = 'code_replayed'"), 1, '... and the others, who had a copy of everything, end the grant');
}
$gw->stop;
done_testing;
