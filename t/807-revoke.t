#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# What an operator ends with gatehousectl is over at the next call, whatever the programs keep in memory;
# what others have goes on.

use strict;
use warnings;

use Test::More;

use Gatehouse::Flow;
use Gatehouse::Pg;
use Gatehouse::Run qw(wait_until);
use Gatehouse::Server;
use Gatehouse::Upstream;

my $up = Gatehouse::Upstream->new(sub { my ($c, $r) = @_; return $c->result($r, {}) });
my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, programs => [qw(oauth consent mcp)], processes => { oauth => 2, mcp => 2 },
	routes => { '/mcp/one' => { upstream => $up->url('/mcp') } },
	gateway => { rates => { register => 0, authorize => 0, token => 0, refresh => 0 } });
my $list = { jsonrpc => '2.0', id => 2, method => 'tools/list', params => {} };

sub ctl_ok { my ($status, $text) = $gw->ctl(@_); is($status, 0, "gatehousectl @_") or diag($text); return $text }
sub audit { return $pg->psql("select count(*) from gatehouse.audit where $_[0]") }

# A person with a browser and a client: { flow, token }. The dev-login knows one person: another's rows are renamed.
sub person {
	my ($subject, $client_name) = @_;
	my $flow = Gatehouse::Flow->new(origin => $gw->origin);
	my $token = $flow->sign_in(route => '/mcp/one', client => $flow->register(client_name => $client_name || "Client of $subject"));
	$pg->psql("update gatehouse.browser_session set subject = '$subject' where subject = 'dev-browser-user';
		update gatehouse.grants set subject = '$subject' where subject = 'dev-browser-user'");
	my ($grant) = $pg->psql("select grant_id from gatehouse.grants where client_id = '$token->{client_id}'");
	return { flow => $flow, token => $token, grant => $grant };
}

sub calls { my ($p) = @_; return $p->{flow}->call('/mcp/one', $p->{token}, $list)->{status} }
sub refreshes { my ($p) = @_; my $r = $p->{flow}->refresh($p->{token}); $p->{token} = { %{ $p->{token} }, %{ $r->json } } if $r->{status} == 200; return $r->{status} }
sub browses { my ($p) = @_; return $p->{flow}->browse('GET', $gw->url('/oauth/grants'))->{status} }

# Until every program has the answer in its memory.
sub warm { my ($p) = @_; return is(join(' ', map { calls($p) } 1 .. 8), join(' ', (200) x 8), 'calls pass') }

# The next call after a revocation, of several over both processes: none passes once the notification is there.
sub is_over {
	my ($p, $what) = @_;
	ok(wait_until(10, sub { !grep { calls($p) != 401 } 1 .. 8 }), "$what: calls are refused");
	isnt(refreshes($p), 200, "$what: refresh tokens too");
	return;
}

my $leaver = person('leaver');
my $stayer = person('stayer');
warm($_) for $leaver, $stayer;

# --- user

my $text = ctl_ok(qw(user list));
like($text, qr/^SUBJECT\t.*\nleaver\t[^\n]*\t1\t1\t2\d{3}-\S+Z\nstayer\t/m, 'user list has both, with their sessions and grants');
$text = ctl_ok(qw(user show leaver));
like($text, qr/^session\t.*since .*until /m, 'user show has the session');
like($text, qr/^grant\t$leaver->{grant}\tleaver\t$leaver->{token}{client_id}\tClient of leaver\tone\tmcp:tools\t/m, '... and the grant');
unlike($text, qr/stayer/, '... and nobody else\'s');
my $page = $leaver->{flow}->open($leaver->{flow}->ask(route => '/mcp/one')->{url});
ok($leaver->{flow}->form($page), 'the leaver has a consent page open');
$pg->psql("insert into gatehouse.login (login_id, issuer, subject, tokens) values (gen_random_uuid(), 'i', 'leaver', 'x')");
is(ctl_ok(qw(user revoke leaver)), "ended 1 sessions and 1 grants of leaver\n", 'user revoke says what it ended');
is_over($leaver, 'user revoke');
is($pg->psql('select count(*) from gatehouse.login'), 0, "... the provider's tokens are gone");
is(browses($leaver), 403, '... the browser is signed out');
ok(!$leaver->{flow}->answer($leaver->{flow}->decide($page, 'approve'))->{code}, '... and the consent page gives no code');
is($pg->psql("select count(*) from gatehouse.grants where subject = 'leaver' and revoked_at is null"), 0, '... nor a grant');
is(audit("action = 'user_revoked' and object = 'subject:leaver' and actor like 'gatehousectl:%' and detail = '{\"before\": {\"grants\": 1, \"sessions\": 1, \"logins\": 1}, \"after\": {\"grants\": 0, \"sessions\": 0, \"logins\": 0}}'::jsonb"),
	1, '... and the audit trail says who did it');
is(audit("action = 'grant_revoked' and object = 'grant:$leaver->{grant}' and detail->>'reason' = 'user_revoked'
	and detail->'before'->>'subject' = 'leaver' and detail->'before'->>'operation' > '' and detail->'after' = 'null'"), 1, '... of the grant too, with what it was');
is(calls($stayer) . ' ' . refreshes($stayer) . ' ' . browses($stayer), '200 200 200', 'others go on');
like(ctl_ok(qw(user revoke nobody)), qr/^ended 0 sessions and 0 grants/, 'to end what is not there is no error: a script may try again');
unlike(ctl_ok(qw(user list)), qr/leaver/, 'user list has forgotten who left');

# --- grants

my $one = person('stayer', 'One');
my $two = person('stayer', 'Two');
warm($one);
$text = ctl_ok(qw(grants list --subject stayer));
is(() = $text =~ /\tstayer\t/g, 3, 'grants list has all of a person');
$text = ctl_ok('grants', 'list', '--client', $two->{token}{client_id});
like($text, qr/^GRANT\t[^\n]*\n$two->{grant}\t[^\n]*\n\z/, '... or of a client');
like(ctl_ok('grants', 'revoke', $one->{grant}), qr/ended$/, 'grants revoke');
is_over($one, 'grants revoke');
is(calls($two), 200, 'another grant of the same person goes on');
like(ctl_ok('grants', 'revoke', $one->{grant}), qr/had ended before/, 'a second time changes nothing');
is(audit("object = 'grant:$one->{grant}'"), 2, '... and adds nothing to the audit trail'); # consent, revocation
my ($status) = $gw->ctl(qw(grants revoke 00000000-0000-4000-8000-000000000000));
is($status, 1, 'a grant that is not there is an error');
($status) = $gw->ctl(qw(grants revoke), "x' or true --");
is($status, 2, 'what is no grant id is a wrong call');

# --- clients

my $bad = person('another', "Bad\x{1b}[2J client");
my $id = $bad->{token}{client_id};
warm($bad);
$text = ctl_ok(qw(clients list));
like($text, qr/^CLIENT\t.*^$id\tBad\S* client\tregistered\tnone\t\S+Z\t\S+Z\t1$/ms, 'clients list has it');
unlike($text, qr/\x{1b}/, '... and no control character of its name');
like(ctl_ok('clients', 'revoke', $id), qr/and 1 grants$/, 'clients revoke');
is_over($bad, 'clients revoke');
is($bad->{flow}->refresh($bad->{token})->json->{error}, 'invalid_client', '... and the client must register again');
is($bad->{flow}->browse('GET', $bad->{flow}->ask(route => '/mcp/one')->{url})->{status}, 400, '... and cannot ask for anything');
is(calls($two), 200, 'other clients go on');
is(audit("action = 'client_revoked' and client_id = '$id' and actor like 'gatehousectl:%'
	and detail->'before'->>'name' > '' and (detail->'before'->>'grants')::int > 0 and detail->'after' = 'null'"), 1, 'the audit trail has it, with what it was');
($status) = $gw->ctl(qw(clients revoke), $id);
is($status, 1, 'a client that is not there is an error');
for my $wrong (['user'], ['user', 'revoke'], ['user', 'revoke', ''], ['user', 'list', 'x'], ['clients', 'revoke'], ['grants', 'list', '--subject'],
	['grants', 'list', '--who', 'x'], ['grants', 'revoke']) {
	($status) = $gw->ctl(@$wrong);
	is($status, 2, "gatehousectl @$wrong is a wrong call");
}
$gw->stop;
done_testing;
