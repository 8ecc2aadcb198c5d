#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Cross-App Access: calls that carry a token for which the identity provider vouches, without the user's hand. At
# the other ends oidc-provider and an authorization server that verify everything (t/peers/cross-app.mjs).

use strict;
use warnings;

use JSON::PP ();
use POSIX qw(fmod);
use Test::More;
use Time::HiRes qw(sleep time);

use Gatehouse::Flow;
use Gatehouse::Http qw(parallel request);
use Gatehouse::Peers;
use Gatehouse::Pg;
use Gatehouse::Run qw(free_port wait_until);
use Gatehouse::Server;

my $JSON = JSON::PP->new->canonical->utf8;
my $port = free_port();
my $there = "http://127.0.0.1:$port";
my $pg = Gatehouse::Pg->new;

# A key pair: PEM for the gateway, JWK for the others.
sub key_pair {
	my ($alg, @how) = @_;
	open my $out, '-|', 'sh', '-c', 'exec openssl genpkey "$@" 2>/dev/null', 'sh', @how or die "openssl: $!";
	my $pem = join '', <$out>;
	close $out or die 'openssl genpkey';
	return ($pem, $alg);
}
my %pem;
($pem{rsa}) = key_pair('RS512', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048');
($pem{ec}) = key_pair('ES384', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384');

my %client = (
	post => sub { { method => 'client_secret_post', clientId => "$_[0]-post", clientSecret => 'a+b c&d' } },
	basic => sub { { method => 'client_secret_basic', clientId => "$_[0]-basic", clientSecret => 'e:f%g' } },
	key => sub { { method => 'private_key_jwt', clientId => "$_[0]-key",
		($_[0] eq 'idp' ? (privateKeyPem => '$env(RSA_KEY)', algorithm => 'RS512', keyId => 'k-rsa')
			: (privateKeyPem => '$env(EC_KEY)', algorithm => 'ES384', keyId => 'k-ec', audience => $there, expiresInSeconds => 60)) } },
);
my @ways = qw(post basic key);
sub exchange {
	my ($way, %o) = @_;
	return { name => "mcp-token-exchange-$way", policyType => 'mcp-token-exchange-inbound', handler => { export => 'X', options => {
		displayName => "Notes by $way", authMode => 'id-jag', idJag => { scopes => ['notes:read', 'notes:write'],
			idp => { tokenUrl => "$there/idp/token", clientAuth => $client{$way}->('idp') },
			resourceAs => { tokenUrl => "$there/token", audience => $there, clientAuth => $client{$way}->('as') }, %o } } } };
}
my $idp = { name => 'idp', policyType => 'mcp-oauth-inbound', handler => { export => 'X', options => {
	oidc => { issuer => "$there/idp", discovery => JSON::PP::true },
	browserLogin => { clientId => 'gateway', clientSecret => 'login-secret', scope => 'openid profile offline_access' } } } };
my $gw = Gatehouse::Server->new(pg => $pg, processes => { mcp => 2 }, oauth => 'idp',
	policies => [$idp, map { exchange($_) } @ways], env => { RSA_KEY_FILE => 'rsa.pem', EC_KEY_FILE => 'ec.pem' },
	routes => { map { ("/mcp/$_" => { upstream => "$there/mcp", inbound => ["mcp-token-exchange-$_"] }) } @ways });

$gw->write_file("$_.pem", $pem{$_}) for keys %pem;
is(($gw->ctl('reload'))[0], 0, 'keys may lie in files');
sleep 2;    # programs serve it within a second

sub jwk {
	my ($pem, $alg) = @_;
	my ($status, $text) = $gw->run->command({ env => { PEM => $pem } }, Gatehouse::Peers->node, '-e',
		'console.log(JSON.stringify(require("crypto").createPublicKey(process.env.PEM).export({ format: "jwk" })))');
	return { %{ $JSON->decode($text) }, alg => $alg, use => 'sig', kid => $alg eq 'RS512' ? 'k-rsa' : 'k-ec' };
}
my %jwk = (idp => jwk($pem{rsa}, 'RS512'), as => jwk($pem{ec}, 'ES384'));
sub known {
	my ($side, $way) = @_;
	my $c = $client{$way}->($side);
	return { id => $c->{clientId}, method => $c->{method}, $way eq 'key' ? (jwk => $jwk{$side}) : (secret => $c->{clientSecret}),
		$side eq 'as' ? (of => "idp-$way", audience => $c->{audience}) : () };
}
my $scripts = Gatehouse::Peers->scripts($gw->run);
$gw->run->spawn('there', {}, Gatehouse::Peers->node, "$scripts/cross-app.mjs", $JSON->encode({ port => $port, user => 'ada',
	login => { id => 'gateway', secret => 'login-secret', redirect_uris => [$gw->url('/oauth/callback')] },
	idp_clients => [map { known('idp', $_) } @ways], as_clients => [map { known('as', $_) } @ways] }));
wait_until(20, sub { $gw->run->log_text('there') =~ /listening/ }) or die $gw->run->log_text('there');

sub control { my (%k) = @_; return request('POST', "$there/control", { content => $JSON->encode(\%k) }) }
sub came { my ($what) = @_; return grep { !$what || $_->{what} eq $what } @{ request('GET', "$there/log")->json } }

my $idp_browser = Gatehouse::Flow->new(origin => $there);
my $flow = Gatehouse::Flow->new(origin => $gw->origin);

# Goes where the gateway sends the browser, through the provider, and back, once.
sub through {
	my ($r) = @_;
	my $to = $r->header('location') // '';
	return $r if index($to, "$there/") != 0;
	my $back = $idp_browser->open($to);
	$r = $flow->open($back->header('location') // die "the provider: $back->{status} $back->{content}");
	die 'the gateway sends the browser there again' if index($r->header('location') // '', "$there/") == 0;
	return $r;
}

my %token;
sub sign_in {
	my ($way) = @_;
	$flow = Gatehouse::Flow->new(origin => $gw->origin, client => $flow->{client});    # a browser without a session
	my $ask = $flow->ask(route => "/mcp/$way");
	my $page = through($flow->open($ask->{url}));
	return ($page, $flow->redeem($ask, $flow->answer($flow->decide($page, 'approve'))->{code})->json);
}

my $call = '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"whoami","arguments":{}}}';
sub post { my ($way) = @_; return $flow->call("/mcp/$way", $token{$way}, $call) }
sub text { my ($r) = @_; return eval { $r->json->{result}{content}[0]{text} } // "status $r->{status}: $r->{content}" }
sub row { my ($way, $columns) = @_; return $pg->psql("select $columns from gatehouse.connection where upstream_id = '$way'") }

# ---- three ways to authenticate

$flow->register;
for my $way (@ways) {
	(my $page, $token{$way}) = sign_in($way);
	unlike($page->{content}, qr/value="continue"| disabled/, "$way: the consent page asks for no connection");
	came();
	is(text(post($way)), 'hello ada', "$way: the call carries a token of the user there")
	  or diag $gw->run->log_text('there'), $gw->log('mcp');
	is(text(post($way)), 'hello ada', "... again and again");
	is($pg->psql("select actor, detail->>'by' from gatehouse.audit where action = 'upstream_connected' and object = 'upstream:$way'"),
		(row($way, 'subject') . '|assertion'), '... and the trail says once that there is a connection');
	my @all = came();
	my ($asked) = grep { $_->{what} eq 'exchange' } @all;
	is_deeply([@$asked{qw(client grant_type requested_token_type audience resource scope subject_token_type)}],
		["idp-$way", 'urn:ietf:params:oauth:grant-type:token-exchange', 'urn:ietf:params:oauth:token-type:id-jag', $there,
			"$there/mcp", 'notes:read notes:write', 'urn:ietf:params:oauth:token-type:id_token'], '... the provider was asked as RFC 8693 and the draft say');
	my ($redeemed) = grep { $_->{what} eq 'redeem' } @all;
	is_deeply([@$redeemed{qw(client grant_type scope resource)}],
		["as-$way", 'urn:ietf:params:oauth:grant-type:jwt-bearer', 'notes:read notes:write', "$there/mcp"], '... and the other server, too');
	if ($way eq 'key') {
		my ($proof) = grep { $_->{what} eq 'client_assertion' } @all;
		is_deeply([@$proof{qw(kid alg life type)}], ['k-ec', 'ES384', 60, 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'],
			'... whose key, algorithm, audience and life are those of the policy');
	}
	is(row($way, "client_kind || ' ' || state || ' ' || issuer || ' ' || generation || ' ' || (refresh_token is null)"),
		"assertion connected $there 1 true", '... and the token is kept');
	is(text(post($way)), 'hello ada', '... for the next call');
	is_deeply([map { $_->{what} } came()], ['call'], '... which asks nobody');
}

# ---- one exchange, however many wait

control(delay => 300);
$pg->psql("update gatehouse.connection set expires_at = now() where upstream_id = 'post'");
my @all = parallel(map { ['POST', $gw->url('/mcp/post'), $flow->call_request($token{post}, $call)] } 1 .. 40);
is(scalar(grep { text($_) eq 'hello ada' } @all), 40, '40 calls on a token that is over succeed') or diag text($all[0]);
is(scalar(grep { $_->{what} eq 'exchange' } my @came = came()), 1, '... by one exchange, of two processes');
control(delay => 0);
$pg->psql("delete from gatehouse.connection");
@all = parallel(map { ['POST', $gw->url('/mcp/post'), $flow->call_request($token{post}, $call)] } 1 .. 40);
is(scalar(grep { text($_) eq 'hello ada' } @all), 40, '40 calls where there is none yet succeed, too');
is(scalar(grep { $_->{what} eq 'exchange' } @came = came()), 1, '... by one exchange');

control(forget => 1);
is(text(post('post')), 'hello ada', 'a token that the upstream does not take any more is exchanged anew');
is_deeply([map { $_->{what} } @came = came()], [qw(call exchange redeem call)], '... once, and the call sent again once');
control(forget => 0, refuse401 => 1);
my $r = post('post');
is($r->{status} . ' ' . $r->json->{error}{code}, '502 -32603', 'an upstream that takes no token: an error, for the user can do nothing');
is_deeply([map { $_->{what} } @came = came()], [qw(call exchange redeem call)], '... after two calls');
control(refuse401 => 0);
is(text(post('post')), 'hello ada', '... and nothing is lost');

# ---- the assertion's time

sub expire { $pg->psql("update gatehouse.connection set expires_at = now()"); came(); return }
control(idTokenTTL => 20);    # less than the gateway wants to have left
my (undef, $again) = sign_in('post');
$token{post} = $again;
expire();
my $tokens = $pg->psql("select md5(string_agg(tokens::text, '' order by login_id)) from gatehouse.login");
control(idTokenTTL => 600);
is(text(post('post')), 'hello ada', 'an assertion that is over is renewed by the provider\'s refresh token');
isnt($pg->psql("select md5(string_agg(tokens::text, '' order by login_id)) from gatehouse.login"), $tokens, '... and kept');
expire();
is(text(post('post')), 'hello ada', '... for the next exchange');
unlike($gw->run->log_text('there'), qr/invalid_grant/, '... and no refresh token was used twice');

# what the provider refuses
sleep 1;    # in the same second the provider's signature makes the same token
control(exchange => 'invalid_grant');
expire();
$r = post('post');
is($r->json->{error}{code} . ' ' . $r->json->{error}{data}{state}, '-32042 reconsent_required', 'an assertion that the provider takes no more: the user has to sign in');
is($r->json->{error}{message}, 'Notes by post authorization must be renewed.', '... as the message says');
is(scalar(grep { $_->{what} eq 'exchange' } @came = came()), 2, '... after a renewed one was tried');
is(row('post', "state || ' ' || state_reason || ' ' || octet_length(access_token)"), 'reconsent_required assertion_refused 0', '... which is written down');
is(post('post')->json->{error}{data}{state}, 'reconsent_required', 'until then calls are told so');
is(scalar(my @none = came()), 0, '... and nobody is asked again');
control(exchange => undef);
sleep 1 - fmod(time, 1); # in the second in which the address is made there is time to sign in
$r = post('post');
my $url = $r->json->{error}{data}{authUrl};
my $done = through($flow->open($url));
is($done->{status}, 200, 'the address leads to the sign-in, and ends on a page') or diag $done->{content};
like($done->{content}, qr/Notes by post.*is connected/s, '... that says that it is done');
is(text(post('post')), 'hello ada', 'then calls succeed');
my ($login) = $pg->psql("select distinct login_id from gatehouse.grants where login_id is not null");
is($pg->psql("select count(*) from gatehouse.browser_session where login_id = '$login'"), '1', '... and the grants hang on the new sign-in');

# nobody else's sign-in helps
my $other = Gatehouse::Flow->new(origin => $gw->origin);
my $r2 = $other->browse('GET', $url);
is($r2->{status}, 303, 'somebody who is not signed in is sent to sign in first');

for (['access_denied', 400, 502], ['invalid_client', 401, 502], ['invalid_target', 400, 502], ['invalid_scope', 400, 502], ['temporarily_unavailable', 503, 502]) {
	my ($error, $status, $told) = @$_;
	control(exchange => $error, exchangeStatus => $status);
	expire();
	$r = post('post');
	is($r->{status} . ' ' . $r->json->{error}{code}, "$told -32603", "the provider says $error: an error");
	is(row('post', 'state'), 'connected', '... and nothing is lost');
}
like($gw->log('mcp'), qr/"reasonCode":"upstream_auth"/, 'the reason is upstream_auth');
control(exchange => undef, exchangeStatus => undef, exchangeBody => { issued_token_type => 'urn:ietf:params:oauth:token-type:access_token', access_token => 'x', token_type => 'Bearer' });
expire();
is(post('post')->{status}, 502, 'an exchange that gives another type of token counts for nothing');
is(scalar(grep { $_->{what} eq 'redeem' } @came = came()), 0, '... and is not taken anywhere');
control(exchangeBody => undef);
for my $error (qw(invalid_grant invalid_client unsupported_grant_type)) {
	control(redeem => $error);
	expire();
	$r = post('post');
	is($r->{status}, 502, "the other server says $error: an error");
	is(row('post', 'state'), 'connected', '... and nothing is lost');
}
control(redeem => undef);
is(text(post('post')), 'hello ada', 'when both agree again, calls succeed');
control(exchange => 'server_error', exchangeStatus => 503);
$pg->psql("update gatehouse.connection set expires_at = now() + interval '10 s'");
is(text(post('post')), 'hello ada', 'a token with some life left serves while the provider is down');
control(exchange => undef, exchangeStatus => undef);

# the refresh token is refused: only a sign-in helps
$pg->psql("update gatehouse.connection set expires_at = now()");
control(idTokenTTL => 20);
(undef, $token{post}) = sign_in('post');
control(idTokenTTL => 600, refreshError => 'server_error');
expire();
$r = post('post');
cmp_ok($r->{status}, '>=', 502, 'a provider that cannot be asked for a new assertion: an error');
is(row('post', 'state'), 'connected', '... and nothing is lost');
control(refreshError => 'invalid_grant');
ok(wait_until(20, sub { ($r = post('post'))->{content} =~ /reconsent_required/ }), 'a refresh token that it refuses: the user has to sign in');
is($pg->psql("select count(*) from gatehouse.grants where revoked_at is not null"), '0', '... and keeps the grant');
control(refreshError => undef);
is(through($flow->open($r->json->{error}{data}{authUrl}))->{status}, 200, 'who signs in');
is(text(post('post')), 'hello ada', '... has access again');

# ---- what was changed

post('basic');
came();
$pg->psql("update gatehouse.connection set token_endpoint = 'http://127.0.0.1:9/' where upstream_id = 'post'");
is(text(post('post')), 'hello ada', 'a row that was changed is exchanged anew');
is(row('post', 'token_endpoint'), "$there/token", '... where the configuration says');
$pg->psql("update gatehouse.connection c set access_token = (select access_token from gatehouse.connection o where o.upstream_id = 'basic')
	where upstream_id = 'post'");
came();
is(text(post('post')), 'hello ada', 'so is a token that was moved');
is(scalar(grep { $_->{what} eq 'exchange' } @came = came()), 1, '... which is not sent');

$gw->write_project(policies => [$idp, exchange('post', scopes => ['notes:all'], scopeDelimiter => ',')], routes => {
	'/mcp/post' => { upstream => "$there/mcp", inbound => ['mcp-token-exchange-post'] } });
is(($gw->ctl('reload'))[0], 0, 'other scopes are configured');
ok(wait_until(10, sub { text(post('post')) eq 'hello ada' && row('post', 'scope') eq 'notes:all' }), '... and the token is one for these');

# ---- at rest

my $dump = $pg->psql("select string_agg(t::text, ' ') from gatehouse.connection t") . $pg->psql("select string_agg(t::text, ' ') from gatehouse.login t")
	. $pg->psql("select string_agg(t::text, ' ') from gatehouse.sign_in t") . $pg->psql("select string_agg(t::text, ' ') from gatehouse.audit t") . $gw->log;
unlike($dump, qr/at-[-\w]{20}|eyJ[-\w]{20}|login-secret|a\+b c&d|BEGIN .*PRIVATE/, 'neither the database nor the log has a token, assertion, secret or key');
my $hex = join '|', map { unpack 'H*', $_ } qw(at- eyJ);
unlike($dump, qr/\\x(?:$hex)/, '... nor their bytes');
like($gw->log('mcp'), qr/mcp_auth_upstream_connection_established/, 'what was made is an event');

# ---- the key of claims changes

sub ctl_ok { my ($status, $out) = $gw->ctl(@_); is($status, 0, "gatehousectl @_") or diag $out; return $out }
sub reload {
	my $before = () = $gw->log =~ /a new snapshot is in force/g;
	ctl_ok('reload');
	return wait_until(10, sub { (() = $gw->log =~ /a new snapshot is in force/g) >= $before + 6 });
}
my ($old) = ctl_ok(qw(keys list)) =~ /^claims +(\S+) +primary/m;
my ($new) = ctl_ok(qw(keys add claims)) =~ /^([a-z0-9-]+)$/m;
reload();
ctl_ok(qw(keys primary claims), $new);
reload();
my ($status, $out) = $gw->ctl(qw(keys retire claims), $old);
is($status, 1, 'a key of claims is not retired while assertions are under it');
like($out, qr/\d+ sign-ins under it/, '... as it says');
like($out, qr/\d+ grants under it/, '... and claims of grants');
like(ctl_ok(qw(keys reencrypt claims)), qr/^sealed anew: [1-9]/m, 'they are sealed anew');
ctl_ok(qw(keys retire claims), $old);
reload();
expire();
is(text(post('post')), 'hello ada', 'then the assertion is exchanged as before');
control(exchange => 'invalid_grant');
expire();
post('post');
is(scalar(grep { $_->{what} eq 'exchange' } @came = came()), 2, '... and renewed by the refresh token');
control(exchange => undef);

done_testing;
