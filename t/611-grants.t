#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# The page of grants: what a person sees of theirs, and what revoking does.
use strict;
use warnings;
use Test::More;

use Gatehouse::Flow;
use Gatehouse::Http qw(form_encode request);
use Gatehouse::Pg;
use Gatehouse::Server;

my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, programs => [qw(discovery oauth consent)],
	gateway => { rates => { register => 0, authorize => 0, token => 0 } },
	routes => { '/mcp/one' => { upstream => 'http://127.0.0.1:9/mcp', summary => 'First & only' } });
my $flow = Gatehouse::Flow->new(origin => $gw->origin);
my $grants = $gw->url('/oauth/grants');

sub revoke {
	my (%o) = @_;
	my %fields = (csrf => $o{csrf}, grant => $o{grant});
	return $flow->browse('POST', $grants, headers => [['Content-Type', 'application/x-www-form-urlencoded'],
		['Origin', $o{origin} // $gw->origin]],
		content => form_encode(map { $_ => $fields{$_} } grep { defined $fields{$_} } sort keys %fields));
}

sub live { return $pg->psql("select count(*) from gatehouse.grants where revoked_at is null $_[0]") + 0 }

my $page = $flow->open($grants);
is($page->{status}, 403, 'without a session there is nothing to see');
like($page->{content}, qr{<code>sign_in_first</code>}, 'and the page says why');

my $client = $flow->register(client_name => '<b>Client</b>');
my $token = $flow->sign_in(route => '/mcp/one', client => $client);
my $second = $flow->sign_in(route => '/mcp/one', client => $flow->register(client_name => 'Second'));
my $ask = $flow->ask(route => '/mcp/one', client => $flow->register(client_name => 'Never redeemed'));
$flow->decide($flow->open($ask->{url}), 'approve');

$page = $flow->open($grants);
is($page->{status}, 200, 'whoever is signed in sees the page');
like($page->{content}, qr{<bdi>&lt;b&gt;Client&lt;/b&gt;</bdi>.*First &amp; only}s, 'with the client and the service, escaped');
like($page->{content}, qr{<bdi>Second</bdi>}, 'and the other client');
unlike($page->{content}, qr{Never redeemed}, 'but not what was never redeemed');
like($page->header('content-security-policy'), qr/form-action 'self'; frame-ancestors 'none'/, 'its forms stay here');
is($page->header('cache-control'), 'no-store', 'it is not stored');

my $form = $flow->form($page, 'grant');
my %field = map { $_->[0] => $_->[1] } @{ $form->{fields} };
my ($first) = $pg->psql("select grant_id from gatehouse.grants where client_id = '$client->{client_id}'") =~ /([0-9a-f-]{36})/;

$pg->psql("insert into gatehouse.grants (grant_id, client_id, subject, resource, operation_id, scope, generation, expires_at)
	values ('4b7f2e7c-5d0a-4a53-9c3c-0d8a5f8f8a55', '$client->{client_id}', 'somebody-else', 'x', 'one', 'mcp:tools', 1,
	now() + interval '1 day')");
my $before = live('');
is(revoke(csrf => undef, grant => $first)->{status}, 403, 'to revoke without a token: 403');
is(revoke(csrf => 'A' x 43, grant => $first)->{status}, 403, 'with an invented one: 403');
is(revoke(csrf => $field{csrf}, grant => $first, origin => 'https://evil.example')->{status}, 403, 'from another site: 403');
is(revoke(csrf => $field{csrf}, grant => undef)->{status}, 400, 'nothing to revoke: 400');
is(revoke(csrf => $field{csrf}, grant => "x' or true --")->{status}, 400, 'no grant id: 400');
is(revoke(csrf => $field{csrf}, grant => '4b7f2e7c-5d0a-4a53-9c3c-0d8a5f8f8a55')->{status}, 400, "somebody else's: 400");
unlike($flow->open($grants)->{content}, qr/4b7f2e7c/, 'nor is that one shown');
is(live(''), $before, 'none of these ends anything');

my $r = revoke(csrf => $field{csrf}, grant => $first);
is($r->{status}, 303, 'to revoke leads back to the page');
$page = $flow->open($r->header('location'));
like($page->{content}, qr/Access is revoked/, 'which says so');
unlike($page->{content}, qr/&lt;b&gt;Client/, 'and shows the grant no more');
is(live("and client_id = '$client->{client_id}' and subject <> 'somebody-else'"), 0, 'the grant has ended');
$r = $flow->refresh($token);
is($r->{status}, 400, 'its refresh token is worth nothing');
is($r->json->{error}, 'invalid_grant', 'and the client is told');
is($flow->refresh($second)->{status}, 200, 'the other client goes on');
is(revoke(csrf => $field{csrf}, grant => $first)->{status}, 303, 'to revoke twice is no error');
is($pg->psql("select count(*) from gatehouse.audit where action = 'grant_revoked'") + 0, 1, 'but it happened once');

$pg->psql("update gatehouse.grants set revoked_at = now(), revoke_reason = 'test' where revoked_at is null");
like($flow->open($grants)->{content}, qr/No app may use a service in your name/, 'with nothing left the page says so');

$gw->stop;
$pg->stop;
done_testing();
