#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Sign-in at a provider and out again: which browser may come back, with what, and how often (protocol §6: 24, 25,
# 27, 59, 60; RFC 9700, 4.4 to 4.7); several tabs; errors of the provider; the sign-out of the browser and of the
# provider. What is in the provider's tokens is 285-login-tokens.t.

use strict;
use warnings;

use JSON::PP ();
use POSIX ();
use Test::More;

use Gatehouse::Flow;
use Gatehouse::Http qw(request url_encode);
use Gatehouse::Peers;
use Gatehouse::Pg;
use Gatehouse::Run qw(free_port wait_until);
use Gatehouse::Server;

my $pg = Gatehouse::Pg->new;
my $port = free_port();
my $issuer = "http://127.0.0.1:$port";
my %oidc = (issuer => $issuer, discovery => JSON::PP::true);
my $gw = Gatehouse::Server->new(pg => $pg, programs => [qw(discovery oauth consent)], processes => { oauth => 2 }, oauth => 'idp',
	gateway => { rates => { register => 0, authorize => 0, token => 0 } }, policies => [policy(%oidc)],
	routes => { '/mcp/one' => { upstream => 'http://127.0.0.1:9/mcp' } });
my $scripts = Gatehouse::Peers->scripts($gw->run);
$gw->run->spawn('provider', {}, Gatehouse::Peers->node, "$scripts/provider.mjs", $port, 'gateway', 'secret');
wait_until(10, sub { $gw->run->log_text('provider') =~ /ready/ }) or die $gw->run->log_text('provider');

sub policy {
	my (%o) = @_;
	return { name => 'idp', policyType => 'mcp-oauth-inbound', handler => { export => 'x', options => { oidc => \%o,
		browserLogin => { clientId => 'gateway', clientSecret => 'secret', remoteTimeoutMs => 1500 } } } };
}

sub provider { return request('GET', "$issuer$_[0]") }

my %row;
{
	my $i = 0;
	$row{ $_->{name} } = $i++ for @{ provider('/rows')->json };
}
my $client = Gatehouse::Flow->new(origin => $gw->origin)->register;

sub browser { return Gatehouse::Flow->new(origin => $gw->origin, client => $client) }

sub send_there {
	my ($flow) = @_;
	my $ask = $flow->ask(route => '/mcp/one');
	return ($flow->answer($flow->browse('GET', $ask->{url})), $ask);
}

sub come_back {
	my ($flow, %p) = @_;
	return $flow->browse('GET', $gw->url('/oauth/callback?' . join '&', map { "$_=" . url_encode($p{$_}) } sort keys %p));
}

sub code { my ($name, $q) = @_; return "$row{$name}.$q->{nonce}" }

sub refused {
	my ($r, $status, $reason, $name) = @_;
	subtest $name => sub {
		is($r->{status}, $status, "status $status");
		like($r->{content}, qr/<code>\Q$reason\E</, "reason $reason") or diag($r->{content});
		ok(!(grep { /_session=./ } @{ $r->{header}{'set-cookie'} || [] }), 'no session');
	};
}

# --- which browser, which state ---

my $flow = browser();
my ($q, $ask) = send_there($flow);
my ($other, $theirs) = (browser());
($theirs) = send_there($other);

refused(come_back($flow, code => code('RS256', $q)), 400, 'unknown_request', 'no state');
refused(come_back($flow, state => 'x', code => code('RS256', $q)), 400, 'unknown_request', 'a state of another form');
(my $foreign = $q->{state}) =~ s/^[0-9a-f]{8}/00000000/;
refused(come_back($flow, state => $foreign, code => code('RS256', $q)), 400, 'other_browser', 'the state of no request');
(my $guess = $q->{state}) =~ s/.$/substr($q->{state}, -1) eq 'A' ? 'B' : 'A'/e;
refused(come_back($flow, state => $guess, code => code('RS256', $q)), 400, 'other_browser', 'a state that is nearly right');
refused(come_back($flow, state => $theirs->{state}, code => code('RS256', $theirs)), 400, 'other_browser',
	'the state of another browser (24): whose account it is cannot be pushed on this one');
refused(come_back(browser(), state => $q->{state}, code => code('RS256', $q)), 400, 'other_browser', 'without the cookie');
refused($flow->browse('GET', $gw->url("/oauth/callback?state=$q->{state}&state=$q->{state}&code=x")), 400, 'invalid_request',
	'a state twice');
refused(come_back($flow, state => $q->{state}), 400, 'code_missing', 'neither code nor error');
refused(come_back($flow, state => $q->{state}, code => code('RS256', $q), iss => 'https://evil.example.com'), 400,
	'provider_issuer', 'the answer of another provider (mix-up)');
refused(come_back($flow, state => $q->{state}, error => 'server_error', iss => "$issuer/"), 400, 'provider_issuer',
	'an error of another provider');
refused(come_back($flow, state => $q->{state}, code => "$row{RS256}.$theirs->{nonce}"), 502, 'token_nonce',
	'a code that was given to another browser');
refused(come_back($flow, state => $q->{state}, code => code('RS256', $q)), 400, 'state_used', 'then the state is used up (25)');
is($pg->psql('select count(*) from gatehouse.browser_session'), 0, 'nobody was signed in by any of this');

# --- the provider changes its key while users sign in ---

sub at_once {
	my ($n) = @_;
	my @ready = map { my $f = browser(); [$f, (send_there($f))[0]] } 1 .. $n;
	my @pids = map {
		my ($f, $q) = @$_;
		my $pid = fork // die "fork: $!";
		if (!$pid) {
			my $r = come_back($f, state => $q->{state}, code => code('the key of the day', $q));
			POSIX::_exit($r->{status} == 303 ? 0 : 1);
		}
		$pid;
	} @ready;
	return scalar grep { waitpid($_, 0); $? == 0 } @pids;
}
my $keys_read = provider('/counts')->json->{jwks};
provider('/rotate');
is(at_once(3), 3, 'users who sign in while the provider changes its key are signed in');
is(provider('/counts')->json->{jwks}, $keys_read + 1, '... and one of them read the keys for all');
provider('/rotate');
is(at_once(2), 0, 'who changes it again at once must wait: keys are not read at anybody\'s pace');
is(provider('/counts')->json->{jwks}, $keys_read + 1, '... indeed');
$pg->psql(q{update gatehouse.provider_document set asked_at = asked_at - interval '31 seconds'});
is(at_once(3), 3, '... half a minute, and no restart');
$pg->psql(q{delete from gatehouse.browser_session});

# --- errors of the provider ---

($q) = send_there($flow);
my $r = come_back($flow, state => $q->{state}, error => 'access_denied', iss => $issuer,
	error_description => '<script>alert(1)</script> "no" \'&');
refused($r, 403, 'provider_denied', 'the user said no');
unlike($r->{content}, qr/<script/, 'what the provider says is escaped');
like($r->{content}, qr/access_denied \(&lt;script/, '... and shown');
like($r->{content}, qr/Identity provider response/, '... with whose side it is on');
refused(come_back($flow, state => $q->{state}, error => 'invalid_scope'), 500, 'provider_refused_request',
	'a request that the provider does not like is the operator\'s to mend');
refused(come_back($flow, state => $q->{state}, error => 'temporarily_unavailable'), 502, 'provider_error', 'another error');
$r = come_back($flow, state => $q->{state}, code => code('RS256', $q));
is($r->{status}, 303, 'after an error the same sign-in may still succeed');
like($r->header('location'), qr{/oauth/setup\?request=}, '... and goes on to consent');
refused(come_back($flow, state => $q->{state}, code => code('RS256', $q)), 400, 'state_used', 'the back button');

# --- a session, and two tabs ---

my $first = $flow->{cookies}{gatehouse_session};
my $page = $flow->open($flow->ask(route => '/mcp/one')->{url});
like($page->{content}, qr/Ada/, 'who has a session goes straight to consent');
$flow = browser();
my ($tab1) = send_there($flow);
my ($tab2) = send_there($flow);
is(come_back($flow, state => $tab2->{state}, code => code('RS256', $tab2))->{status}, 303, 'the second tab signs in');
my $session = $flow->{cookies}{gatehouse_session};
is(come_back($flow, state => $tab1->{state}, code => code('PS256', $tab1))->{status}, 303, 'so does the first');
isnt($flow->{cookies}{gatehouse_session}, $session, '... under a session of its own: the old id is worth nothing');
for my $tab ($tab1, $tab2) {
	my ($id) = split /\./, $tab->{state};
	is($flow->browse('GET', $gw->url("/oauth/setup?request=$id"))->{status}, 200, 'both tabs reach their consent page');
}
my ($tab3) = send_there(my $mixed = browser());
my ($tab4) = send_there($mixed);
come_back($mixed, state => $tab3->{state}, code => code('RS256', $tab3));
come_back($mixed, state => $tab4->{state}, code => code('a session id', $tab4));
my ($id3) = split /\./, $tab3->{state};
is($mixed->browse('GET', $gw->url("/oauth/setup?request=$id3"))->{status}, 400,
	'after another user signed in in the second tab, the first must begin anew (27)');

# --- a grant, with what the provider said ---

my $grant_of = sub {
	my ($flow, $name) = @_;
	my ($q, $ask) = send_there($flow);
	my $page = $flow->open(come_back($flow, state => $q->{state}, code => code($name, $q))->header('location'));
	my $answer = $flow->answer($flow->decide($page, 'approve'));
	my $res = $flow->redeem($ask, $answer->{code});
	is($res->{status}, 200, "a client gets a token for the user of '$name'") or diag($res->{content});
	return { %{ $res->json }, client => $client };
};
my $tok = $grant_of->(browser(), 'RS256');
is($pg->psql(q{select count(*) from gatehouse.grants where claims is not null and login_id is not null}), 1,
	'the grant has the claims');
my $tok4 = $grant_of->(my $flow4 = browser(), 'a session id');
is($pg->psql(q{select count(*) from gatehouse.login where position('refresh-4'::bytea in tokens) > 0}), 0,
	'the provider\'s tokens are sealed');

# --- the age of claims ---

my $age = sub {
	my ($sub) = @_;
	$pg->psql(qq{update gatehouse.login set claims_at = now() - interval '2 days', renew_until = null where subject = '$issuer|$sub'});
	return $pg->psql(qq{select md5(claims) from gatehouse.grants where subject = '$issuer|$sub' and revoked_at is null});
};
my $renewals = sub { provider('/counts')->json->{renew} // 0 };
my $t = $grant_of->(browser(), 'a refresh token: ok');
$r = $flow->refresh($t);
is($r->{status}, 200, 'a refresh of young claims');
is($renewals->(), 0, '... asks nobody');
$t = { %$t, %{ $r->json } };
my $was = $age->('user-ok');
my $asked = $renewals->();
$r = $flow->refresh($t);
is($r->{status}, 200, 'a refresh of old claims') or diag($r->{content});
is($renewals->(), $asked + 1, '... asks the provider');
isnt($pg->psql(qq{select md5(claims) from gatehouse.grants where subject = '$issuer|user-ok'}), $was, '... and keeps what it says');
is($pg->psql(qq{select claims_at > now() - interval '1 minute' from gatehouse.login where subject = '$issuer|user-ok'}), 't',
	'... with its time');
$t = { %$t, %{ $r->json } };
$age->('user-ok');
$r = $flow->refresh($t);
is($r->{status}, 200, 'the next time with the refresh token that it gave then');
$t = $grant_of->(browser(), 'a refresh token: gone');
$age->('user-gone');
$r = $flow->refresh($t);
is($r->{status}, 400, 'a leaver\'s refresh');
is($r->json->{error}, 'invalid_grant', '... is refused');
is($pg->psql(qq{select revoke_reason from gatehouse.grants where subject = '$issuer|user-gone'}),
	'the identity provider vouches no more', '... and the grant has ended');
is($pg->psql(qq{select count(*) from gatehouse.browser_session where subject = '$issuer|user-gone'}), 0, '... with the session');
$t = $grant_of->(browser(), 'a refresh token: other');
$age->('user-other');
is($flow->refresh($t)->{status}, 400, 'so it is where the provider speaks of somebody else');
$t = $grant_of->(browser(), 'a refresh token: 500');
$age->('user-500');
$r = $flow->refresh($t);
is($r->{status}, 503, 'while the provider fails, the refresh must wait');
is($r->json->{error}, 'temporarily_unavailable', '... and the client keeps its tokens');
$asked = $renewals->();
is($flow->refresh($t)->{status}, 503, '... which goes for the next moment, too');
is($renewals->(), $asked, '... without asking again at once');
$pg->psql(qq{update gatehouse.login set claims_at = now()});
is($flow->refresh($t)->{status}, 200, '... for they are good as before');
$t = $grant_of->(browser(), 'a refresh token: silent');
$was = $age->('user-silent');
is($flow->refresh($t)->{status}, 200, 'a provider that vouches and says nothing new');
is($pg->psql(qq{select md5(claims) from gatehouse.grants where subject = '$issuer|user-silent'}), $was, '... leaves what there is');
$t = $grant_of->(browser(), 'PS256');
$age->('user-1');
is($flow->refresh($t)->{status}, 200, 'without a refresh token of the provider nothing happens');

# --- the browser's sign-out ---

$page = $flow4->browse('GET', $gw->url('/oauth/grants'));
my $form = $flow4->form($page, 'logout');
ok($form, 'the page of grants has a sign-out');
my %fields = map { $_->[0] => $_->[1] } @{ $form->{fields} };
my $post = sub {
	my ($flow, $csrf, @headers) = @_;
	return $flow->browse('POST', $gw->url('/oauth/logout'), headers => [['Content-Type', 'application/x-www-form-urlencoded'],
		@headers], content => "csrf=" . url_encode($csrf));
};
refused($post->($flow4, 'x'), 403, 'csrf_token', 'a sign-out with another form token');
refused($post->($flow4, $fields{csrf}, ['Origin', 'https://evil.example.com']), 403, 'cross_site', 'a sign-out by another site');
is($flow4->browse('GET', $gw->url('/oauth/logout'))->{status}, 405, 'a link signs nobody out');
$r = $post->($flow4, $fields{csrf}, ['Origin', $gw->origin]);
is($r->{status}, 200, 'the form does');
like($r->{content}, qr/You are signed out/, '... and says so');
like($r->header('refresh') // '', qr{url=\Q$issuer\E/end\?client_id=gateway&id_token_hint=ey}, '... and leads to the provider\'s');
ok(!$flow4->{cookies}{gatehouse_session}, 'the cookie is gone');
is($flow4->refresh($tok4)->{status}, 200, 'what the user granted stays');

# --- the provider's ---

sub logout_token {
	my ($kind) = @_;
	return log_out(provider("/logout-token?$kind")->{content});
}
sub log_out {
	my ($token) = @_;
	return request('POST', $gw->url('/oauth/backchannel-logout'), {
		headers => [['Content-Type', 'application/x-www-form-urlencoded']], content => "logout_token=$token" });
}
my $before = provider('/counts')->json->{jwks};
for my $kind (qw(nonce event jti jtis old audience nobody key stranger id_token)) {
	$r = logout_token($kind);
	is($r->{status}, 400, "a logout token with a wrong $kind is refused");
}
cmp_ok(provider('/counts')->json->{jwks} - $before, '<=', 1, 'tokens of strangers make us ask for keys once at most');
is($pg->psql(qq{select count(*) from gatehouse.grants where revoke_reason like 'signed out%'}), 0, 'none of them ended anything');
my $before4 = $pg->psql(qq{select count(*) from gatehouse.browser_session where subject = '$issuer|user-1'});
cmp_ok($before4, '>', 0, 'there are sessions of user-1');
my $notice = provider('/logout-token?good')->{content};
is(log_out($notice)->{status}, 200, 'a good one is accepted');
is($pg->psql(qq{select count(*) from gatehouse.browser_session where subject = '$issuer|user-1'}), 0, 'the user\'s sessions end');
is($pg->psql(qq{select count(*) from gatehouse.grants where subject = '$issuer|user-1' and revoked_at is null}), 0, '... and grants');
is(browser()->refresh($tok)->{status}, 400, '... so that a client\'s refresh token is worth nothing');
is($pg->psql(qq{select count(*) from gatehouse.grants where subject = '$issuer|user-4' and revoked_at is null}), 1,
	'another user\'s stay');
{
	# again, when the user has come back
	my $again = browser();
	my ($q) = send_there($again);
	is(come_back($again, state => $q->{state}, code => code('RS256', $q))->{status}, 303, '... the user signs in again');
	my @answers = Gatehouse::Http::parallel(map { ['POST', $gw->url('/oauth/backchannel-logout'), {
		headers => [['Content-Type', 'application/x-www-form-urlencoded']], content => "logout_token=$notice" }] } 1 .. 4);
	is(join(' ', map { $_->{status} } @answers), '400 400 400 400', '... and the same notice, at whatever worker, is refused');
	like($gw->log('oauth'), qr/"reason":"token_replayed"/, '... the log says why');
	is($pg->psql(qq{select count(*) from gatehouse.browser_session where subject = '$issuer|user-1'}), 1, '... and ends nothing');
}
is(logout_token('session')->{status}, 200, 'one that names the session alone is accepted');
is($pg->psql(qq{select count(*) from gatehouse.grants where subject = '$issuer|user-4' and revoked_at is null}), 0,
	'... and finds the user by it');

# --- claims that must be renewed ---

{
	my $strict = policy(%oidc);
	$strict->{handler}{options}{browserLogin}{claimsRequireRenewal} = JSON::PP::true;
	$t = $grant_of->(browser(), 'PS256');
	$age->('user-1');
	$gw->write_project(policies => [$strict]);
	$gw->ctl('reload');
	# the new project is served within a second
	wait_until(30, sub {
		$r = $flow->refresh($t);
		$t = { %$t, %{ $r->json } } if $r->{status} == 200;
		return $r->{status} == 400;
	});
	is($r->{status}, 400, 'unless claimsRequireRenewal says that the user must sign in again');
}

# --- an expired sign-in, another provider in force, a document of another issuer ---

$flow = browser();
($q) = send_there($flow);
$pg->psql(q{update gatehouse.authorization_request set expires_at = now() - interval '1 second'});
refused(come_back($flow, state => $q->{state}, code => code('RS256', $q)), 400, 'expired_request', 'a sign-in that took too long (25)');

($q) = send_there($flow);
$gw->write_project(policies => [policy(issuer => "$issuer/other", discovery => JSON::PP::true)]);
is(($gw->ctl('reload'))[0], 0, 'another provider is configured');
wait_until(30, sub { $flow->browse('GET', $flow->ask(route => '/mcp/one')->{url})->{status} == 502 });
refused($flow->browse('GET', $flow->ask(route => '/mcp/one')->{url}), 502, 'discovery_issuer',
	'a discovery document that names another issuer is refused');
refused(come_back($flow, state => $q->{state}, code => code('RS256', $q)), 400, 'other_browser',
	'what was begun at the old provider does not end at the new one');

$gw->stop;
$pg->stop;
done_testing;
