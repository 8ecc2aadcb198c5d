#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Clients whose id is the address of a document: the rules for the address (D63), where it is not fetched
# from (D64, D66), answers that are no document (D67), documents that are not valid (D68, D69), what a
# change takes away (D70), and how long a copy is kept. The host is loopback, by the development
# setting; address checks against changing DNS answers (D65) are in t/unit/net_fetch.

use strict;
use warnings;

use JSON::PP ();
use Test::More;
use Time::HiRes qw(time);

use Gatehouse::Documents;
use Gatehouse::Flow;
use Gatehouse::Http qw(request form_encode);
use Gatehouse::Pg;
use Gatehouse::Run qw(find_program free_port wait_until);
use Gatehouse::Server;

my $host = Gatehouse::Documents->new;
my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, programs => [qw(discovery oauth consent)],
	routes => { '/mcp/one' => { upstream => 'http://127.0.0.1:9/mcp' } },
	gateway => { rates => { register => 0, authorize => 0, token => 0, refresh => 0 }, limits => { fetchMs => 4000 } });
my $o = $gw->origin;
my $flow = Gatehouse::Flow->new(origin => $o);
my $port = $host->port;
my $cb = 'http://127.0.0.1:9/callback';

sub ask { my ($id, %o) = @_; return $flow->ask(route => '/mcp/one', client => { client_id => $id }, redirect_uri => $cb, %o) }
sub authorize { my ($id, %o) = @_; return $flow->browse('GET', ask($id, %o)->{url}) }

# "login" or "consent" where the client was accepted, else "page STATUS".
sub outcome {
	my ($id, %o) = @_;
	my $to = authorize($id, %o)->header('location');
	return 'good' if defined $to && $to =~ m{^\Q$o\E/oauth/(?:dev-login|setup)\?};
	return defined $to ? "elsewhere $to" : 'page ' . $flow->{last}{status};
}
{
	no warnings 'redefine';
	my $browse = \&Gatehouse::Flow::browse;
	*Gatehouse::Flow::browse = sub { my $r = $browse->(@_); $_[0]{last} = $r; return $r };
}

sub kept { my ($id) = @_; return $pg->psql("select count(*) from gatehouse.client where client_id = '$id'") }
sub reasons { my ($id) = @_; my %s; return join " ", grep { !$s{$_}++ } map { $_->{reason} // () } grep { index($_->{detail} // "", $id) >= 0 } $gw->log_lines("oauth") }
sub make_stale { my ($id) = @_; $pg->psql("update gatehouse.client_document set fresh_until = now() where client_id = '$id'"); return }
sub fresh_for { my ($id) = @_; return $pg->psql("select round(extract(epoch from fresh_until - checked_at)) from gatehouse.client_document where client_id = '$id'") }

# --- the whole way ---

{
	my $id = $host->client('/app', client_uri => 'https://app.example', unknown => [1]);
	my $tok = $flow->sign_in(route => '/mcp/one', client => { client_id => $id, redirect_uris => [$cb] });
	ok($tok->{access_token}, 'a client that is a document gets tokens');
	is($host->count('/app'), 1, 'its document was fetched once');
	my ($fetch) = $host->fetches('/app');
	is($fetch->{method}, 'GET', '... by GET');
	ok(!exists $fetch->{header}{$_}, "... without $_") for qw(cookie authorization referer accept-encoding);
	my $r = $flow->refresh($tok);
	is($r->{status}, 200, 'it refreshes');
	is($flow->revoke({ %{ $r->json }, client_id => $id })->{status}, 200, 'and revokes');
	is($host->count('/app'), 1, 'neither asks for the document again');
	is($pg->psql("select kind || ' ' || name || ' ' || auth_method from gatehouse.client where client_id = '$id'"),
		'document Document app none', 'it is kept as what it is');
	my $page = $flow->open(ask($id)->{url});
	like($page->{content}, qr/Document app/, 'the consent page shows its name');
	like($page->{content}, qr/It says that it is the app of <b><bdi dir="ltr">127\.0\.0\.1:$port<.*Any program on your device can say so/s,
		'... and that an answer to this computer does not prove its host');
	my $web = $host->client('/web', redirect_uris => ['https://app.example/cb']);
	like($flow->open(ask($web, redirect_uri => 'https://app.example/cb')->{url})->{content},
		qr/published by <b><bdi dir="ltr">127\.0\.0\.1:$port<.*verified/s, '... as one to a web site does');
	is($host->count('/app'), 1, 'within its time the copy is used');
	my $stranger = $flow->token({ client_id => $host->client('/never') }, grant_type => 'refresh_token', refresh_token => 'rt_x');
	is($stranger->json->{error}, 'invalid_client', 'a document that never was authorized is no client at the token endpoint');
	is($host->count('/never'), 0, '... and is not fetched for that');
}

# --- D63: the address ---

for my $row (
	['plain http elsewhere', 'http://app.example/client'],
	['no path', "http://127.0.0.1:$port"],
	['no path but a slash', "http://127.0.0.1:$port/"],
	['only a query', "http://127.0.0.1:$port?x"],
	['two dots', "http://127.0.0.1:$port/a/../app"],
	['one dot', "http://127.0.0.1:$port/./app"],
	['two dots at the end', "http://127.0.0.1:$port/app/.."],
	['encoded dots', "http://127.0.0.1:$port/a/%2e%2E/app"],
	['half encoded dots', "http://127.0.0.1:$port/a/.%2e/app"],
	['a user', "http://user\@127.0.0.1:$port/app"],
	['a user and a password', "http://user:pass\@127.0.0.1:$port/app"],
	['an empty user', "http://\@127.0.0.1:$port/app"],
	['a fragment', "http://127.0.0.1:$port/app#x"],
	['an empty fragment', "http://127.0.0.1:$port/app#"],
	['a backslash', "http://127.0.0.1:$port\\\@evil.example/app"],
	['a blank', "http://127.0.0.1:$port/a pp"],
	['a newline', "http://127.0.0.1:$port/a\npp"],
	['a byte past ASCII', "http://127.0.0.1:$port/\xc3\xa4"],
	['a broken escape', "http://127.0.0.1:$port/%zz"],
	['an encoded NUL', "http://127.0.0.1:$port/app%00"],
	['no host', 'https:///app'],
	['port 0', 'https://127.0.0.1:0/app'],
	['a port too large', 'https://127.0.0.1:65536/app'],
	['1025 characters', 'https://127.0.0.1/' . 'a' x 1007],
	['another case of the scheme', "HTTP://127.0.0.1:$port/app"],
	['another scheme', "ftp://127.0.0.1:$port/app"],
	['a file', 'file:///etc/passwd'],
) {
	my ($name, $id) = @$row;
	$host->clear;
	is(outcome($id), 'page 400', "D63 $name is refused on a page of ours");
	is($host->fetches('/app'), 0, '... and not fetched');
}

# --- D64, D66, D71: where nobody is sent ---

for my $to (qw(10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 [::ffff:10.0.0.1] [64:ff9b::a00:1] [fc00::1]
	[fe80::1] 2130706433.10 0x0a.1)) {
	my $is_name = $to eq '2130706433.10';    # (that nobody has)
	is(outcome("https://$to/client"), $is_name ? 'page 503' : 'page 400', "D64 $to is refused");
	like(reasons("https://$to/client"), qr/fetch_address/, '... for what it is, without an attempt') if !$is_name;
}
{
	my $id = $host->raw('/moved', "HTTP/1.1 302 Found\r\nLocation: " . $host->url('/secret') . "\r\nContent-Length: 0\r\n\r\n");
	is(outcome($id), 'page 400', 'D66 a redirect is refused');
	is($host->count('/secret'), 0, '... and not followed');
	my $logo = $host->client('/logo', logo_uri => 'https://169.254.169.254/logo.png', client_uri => $host->url('/home'));
	is(outcome($logo), 'good', 'D71 a logo in the inner network is no fault');
	$flow->open(ask($logo)->{url});
	is($host->count('/home'), 0, '... and nothing that a document names is fetched');
}

# --- D67: answers that are no document ---

my $document = sub { my ($path, %m) = @_; return JSON::PP->new->utf8->encode({ client_id => $host->url($path), client_name => 'x',
	redirect_uris => [$cb], token_endpoint_auth_method => 'none', %m }) };
for my $row (
	['HTML', 'page 400', sub { $host->put($_[0], $document->($_[0]), type => 'text/html') }],
	['text', 'page 400', sub { $host->put($_[0], $document->($_[0]), type => 'text/plain') }],
	['no type', 'page 400', sub { $host->raw($_[0], "HTTP/1.1 200 OK\r\n\r\n" . $document->($_[0])) }],
	['a part', 'page 400', sub { $host->put($_[0], $document->($_[0]), status => '206 Partial Content') }],
	['201', 'page 400', sub { $host->put($_[0], $document->($_[0]), status => '201 Created') }],
	['304 without being asked for it', 'page 400', sub { $host->raw($_[0], "HTTP/1.1 304 Not Modified\r\n\r\n") }],
	['404', 'page 400', sub { $host->url($_[0]) }],
	['410', 'page 400', sub { $host->put($_[0], $document->($_[0]), status => '410 Gone') }],
	['429', 'page 503', sub { $host->put($_[0], $document->($_[0]), status => '429 Too Many Requests') }],
	['500', 'page 503', sub { $host->put($_[0], $document->($_[0]), status => '500 Internal Server Error') }],
	['an encoding', 'page 400', sub { $host->put($_[0], $document->($_[0]), headers => ['Content-Encoding: gzip']) }],
	['a byte more than 5 KiB', 'page 400', sub { my $d = $document->($_[0]); $host->put($_[0], $d . ' ' x (5121 - length $d)) }],
	['64 KiB', 'page 400', sub { $host->put($_[0], $document->($_[0]) . ' ' x 65536) }],
	['no end', 'page 503', sub { $host->raw($_[0], "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n{") }],
	['one byte at a time', 'page 503', sub { $host->put($_[0], $document->($_[0]), drip => 0.5) }],
	['no HTTP', 'page 400', sub { $host->raw($_[0], "SSH-2.0-x\r\n") }],
	['no JSON', 'page 400', sub { $host->put($_[0], '{client_id}') }],
	['a list', 'page 400', sub { $host->put($_[0], [1]) }],
	['a member twice', 'page 400', sub { my $d = $document->($_[0]); $d =~ s/^\{/{"client_name":"y",/; $host->put($_[0], $d) }],
	['bytes after the end', 'page 400', sub { $host->put($_[0], $document->($_[0]) . '{}') }],
	['invalid UTF-8', 'page 400', sub { my $d = $document->($_[0]); $d =~ s/"x"/"\xff"/; $host->put($_[0], $d) }],
) {
	my ($name, $want, $make) = @$row;
	(my $path = "/d67-$name") =~ s/[^a-z0-9\/]+/-/gi;
	my $id = $make->($path);
	is(outcome($id), $want, "D67 $name is refused");
	is(kept($id), 0, '... and not kept');
	ok($flow->{last}->header('retry-after'), '... with a time to try again') if $want eq 'page 503';
}
{
	my $id = $host->put('/d67-full', do { my $d = $document->('/d67-full'); $d . ' ' x (5120 - length $d) });
	is(outcome($id), 'good', 'D67 exactly 5 KiB are read');
	$id = $host->put('/d67-type', $document->('/d67-type'), type => 'Application/Client-Metadata+JSON; charset=utf-8');
	is(outcome($id), 'good', 'D67 a JSON type of its own is read');
	$id = $host->url('/d67-later');
	outcome($id);
	$host->client('/d67-later');
	is(outcome($id), 'page 400', 'an address that failed is not asked again at once');
	is($host->count('/d67-later'), 1, '... not even tried');
	ok(wait_until(15, sub { outcome($id) eq 'good' }), '... but it is after some seconds: a failure is not kept')
	  or diag reasons($id);
}

# --- D68, D69: documents that are not valid ---

my $n = 0;
my %ec = (kty => 'EC', crv => 'P-256', x => 'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4', y => '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM');
for my $row (
	['D68 no client_id', client_id => undef],
	['D68 another client_id', client_id => 'https://app.example/client'],
	['D68 a slash more', client_id => sub { "$_[0]/" }],
	['D68 another case of the scheme', client_id => sub { "\U$1\E$2" if $_[0] =~ /^(http)(.*)$/ }],
	['D68 another case of the path', client_id => sub { "http://127.0.0.1:$port" . uc(substr $_[0], length "http://127.0.0.1:$port") }],
	['D68 another spelling of the host', client_id => sub { $_[0] =~ s/127\.0\.0\.1/localhost/r }],
	['D68 a query more', client_id => sub { "$_[0]?" }],
	['D68 a client_id that is no text', client_id => [1]],
	['D69 client_secret_basic', token_endpoint_auth_method => 'client_secret_basic'],
	['D69 client_secret_post', token_endpoint_auth_method => 'client_secret_post'],
	['D69 client_secret_jwt', token_endpoint_auth_method => 'client_secret_jwt'],
	['D69 a client_secret', client_secret => 'x'],
	['D69 a client_secret_expires_at', client_secret_expires_at => 0],
	['D69 a private key', jwks => { keys => [{ %ec, d => '870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE' }] }],
	['D69 a secret key', jwks => { keys => [{ kty => 'oct', k => 'AAAA' }] }],
	['D69 keys that are no set', jwks => 'x'],
	['D69 private_key_jwt without keys', token_endpoint_auth_method => 'private_key_jwt'],
	['D69 private_key_jwt with two places for keys', token_endpoint_auth_method => 'private_key_jwt', jwks => { keys => [\%ec] },
		jwks_uri => 'https://app.example/keys'],
	['D69 private_key_jwt with a key that is none', token_endpoint_auth_method => 'private_key_jwt',
		jwks => { keys => [{ %ec, x => $ec{y}, y => $ec{x} }] }],
	['D69 private_key_jwt with keys over http', token_endpoint_auth_method => 'private_key_jwt', jwks_uri => 'http://app.example/keys'],
	['D69 private_key_jwt with an algorithm that is not served', token_endpoint_auth_method => 'private_key_jwt', jwks => { keys => [\%ec] },
		token_endpoint_auth_signing_alg => 'HS256'],
	['no name', client_name => undef],
	['an empty name', client_name => ''],
	['a name of blanks and direction marks', client_name => "  \x{202e} "],
	['no redirect URIs', redirect_uris => undef],
	['an empty list of them', redirect_uris => []],
	['http elsewhere', redirect_uris => [$cb, 'http://app.example/cb']],
	['javascript', redirect_uris => ['javascript:alert(1)']],
	['a wildcard', redirect_uris => ['https://*.example/cb']],
	['a fragment', redirect_uris => ["$cb#x"]],
	['21 of them', redirect_uris => [map { "$cb/$_" } 1 .. 21]],
	['a web application on loopback', application_type => 'web'],
	['no grant that is served', grant_types => ['client_credentials']],
	['no response type that is served', response_types => ['token']],
) {
	my ($name, %member) = @$row;
	my $path = '/d69-' . ++$n;
	$member{client_id} = $member{client_id}->($host->url($path)) if ref $member{client_id} eq 'CODE';
	my $id = $host->client($path, %member);
	is(outcome($id), 'page 400', "$name is refused") or diag reasons($id);
	is(kept($id), 0, '... and not kept');
	unlike($flow->{last}{content}, qr/870MB6gfu/, '... and no key is repeated') if $name =~ /private key/;
}
for my $row (
	['no method, which is none', token_endpoint_auth_method => undef],
	['grants and responses of other servers too', grant_types => [qw(authorization_code client_credentials urn:x)],
		response_types => ['token', 'code']],
	['scopes of other servers', scope => 'email repo'],
	['keys for something else', jwks => { keys => [{ kty => 'OKP', crv => 'Ed25519', x => '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' }] }],
	['members that nobody knows', foo => { bar => [1] }],
	['a signature instead of a secret', token_endpoint_auth_method => 'private_key_jwt', jwks => { keys => [\%ec] }],
) {
	my ($name, %member) = @$row;
	my $id = $host->client('/good-' . ++$n, %member);
	is(outcome($id), 'good', "a document with $name is valid");
}
{
	my $id = $host->client('/query?client=1');
	is(outcome($id), 'good', 'an address with a query is one');
	unlike($flow->open(ask($host->client('/name', client_name => "<script>alert(1)</script>\x{202e}"))->{url})->{content},
		qr/<script>alert/, 'a name with a script is shown as text');
}

# --- D70: what a change takes away ---

{
	my $old = 'https://old.example/cb';
	my $new = 'https://new.example/cb';
	my $id = $host->client('/change', redirect_uris => [$old, 'http://127.0.0.1/callback']);
	my $client = { client_id => $id };
	my $kept = $flow->sign_in(route => '/mcp/one', client => { %$client, redirect_uris => [$cb] });
	my $lost = $flow->sign_in(route => '/mcp/one', client => { %$client, redirect_uris => [$old] });
	my $pending_ask = ask($id, redirect_uri => $old);
	my $pending = $flow->open($pending_ask->{url});
	my $code_ask = ask($id, redirect_uri => $old);
	my $code = $flow->answer($flow->decide($flow->open($code_ask->{url}), 'approve'))->{code};
	my $deny = $flow->open(ask($id, redirect_uri => $old)->{url});

	$host->client('/change', client_name => 'New name', redirect_uris => [$new, 'http://127.0.0.1/callback']);
	is(outcome($id, redirect_uri => $new), 'page 400', 'D70 before its time is over the old document counts');
	make_stale($id);
	is(outcome($id, redirect_uri => $old), 'page 400', 'D70 a redirect URI that was taken out is refused');
	is(outcome($id, redirect_uri => $new), 'good', 'D70 and the new one accepted');
	my $r = $flow->decide($pending, 'approve');
	is($r->{status}, 400, 'D70 what was asked for through the old one cannot be approved');
	ok(!defined $r->header('location'), '... and nobody is sent there');
	$r = $flow->decide($deny, 'cancel');
	is("$r->{status} " . ($r->header('location') // 'nowhere'), '400 nowhere', '... not even with a refusal');
	$r = $flow->redeem($code_ask, $code);
	is($r->json->{error}, 'invalid_grant', 'D70 a code that went there is not redeemed');
	$r = $flow->refresh($lost);
	is($r->json->{error}, 'invalid_grant', 'D70 tokens that were given through it are not refreshed');
	$r = $flow->refresh($kept);
	is($r->{status}, 200, 'D70 others are; the port of loopback is free');
	like($flow->open(ask($id, redirect_uri => $new)->{url})->{content}, qr/New name/, 'consent is asked again, with the new name');
	is($pg->psql("select count(*) from gatehouse.audit where action = 'client_document_changed' and client_id = '$id'"), 1,
		'the audit trail has the change');
	$host->client('/change', redirect_uris => [$old, $new]);
	make_stale($id);
	outcome($id, redirect_uri => $new);
	is($flow->refresh($lost)->{status}, 200, 'D70 nothing was destroyed: with the URI back, they are refreshed');
}

# --- how long a copy is kept ---

for my $row (
	['nothing is said', [], 900],
	['max-age', ['Cache-Control: public, max-age=3600'], 3600],
	['no-store', ['Cache-Control: no-store'], 60],
	['no-cache', ['Cache-Control: no-cache'], 60],
	['a short max-age', ['Cache-Control: max-age=1'], 60],
	['a long max-age', ['Cache-Control: max-age=31536000'], 86400],
	['an age', ['Cache-Control: max-age=3600', 'Age: 600'], 3000],
) {
	my ($name, $headers, $want) = @$row;
	my $path = '/keep-' . ++$n;
	my $id = $host->client($path, http => { headers => $headers });
	outcome($id);
	is(fresh_for($id), $want, "$name: kept for $want s");
}
{
	my $id = $host->client('/tag', http => { headers => ['ETag: "v1"'] });
	outcome($id);
	make_stale($id);
	is(outcome($id), 'good', 'a copy that is over is asked for again');
	my @fetches = $host->fetches('/tag');
	is(scalar @fetches, 2, '... once');
	is($fetches[1]{header}{'if-none-match'}, '"v1"', '... if it has changed');
	is(fresh_for($id), 120, '... and kept on if it has not');
	my $tok = $flow->sign_in(route => '/mcp/one', client => { client_id => $id, redirect_uris => [$cb] });
	$host->put('/tag', 'x', status => '500 Internal Server Error');
	make_stale($id);
	is(outcome($id), 'page 503', 'a copy that is over does not serve an authorization while its host is broken');
	is($flow->refresh($tok)->{status}, 200, '... but refreshing goes on');
	$id = $host->client('/gone');
	$tok = $flow->sign_in(route => '/mcp/one', client => { client_id => $id, redirect_uris => [$cb] });
	$host->remove('/gone');
	make_stale($id);
	is(outcome($id), 'page 400', 'a document that is gone is no client any more');
	is(kept($id), 1, '... though it stays known for what it was given');
}
{
	my $id = $host->client('/expired');
	outcome($id);
	$pg->psql("update gatehouse.client set last_used_at = now() - interval '8 days' where client_id = '$id'");
	is(outcome($id), 'good', 'one that was away for too long begins again');
	is($host->count('/expired'), 2, '... with its document as it is now');
	is($pg->psql("select last_used_at > now() - interval '1 minute' from gatehouse.client where client_id = '$id'"), 't', '... and counts from now');
}

# --- one host cannot hold everybody ---

{
	my @ids = map { my $path = "/slow-$_"; $host->raw($path, "HTTP/1.1 200 OK\r\n" . 'X: ' . 'x' x 300 . "\r\n\r\n", drip => 0.5); $host->url($path) } 1 .. 6;
	my @answers = Gatehouse::Http::parallel(map { ['GET', ask($_)->{url}] } @ids);
	is(join(' ', map { $_->{status} } @answers), join(' ', (503) x 6), 'a slow host is answered 503');
	is(scalar(grep { $host->count("/slow-$_") } 1 .. 6), 2, '... and asked twice at a time, by a quarter of eight threads');
}

# --- switched off ---

{
	my $off = Gatehouse::Server->new(pg => $pg, programs => [qw(discovery oauth consent)],
		routes => { '/mcp/one' => { upstream => 'http://127.0.0.1:9/mcp' } }, oauth_gateway => { cimdEnabled => JSON::PP::false });
	my $doc = request('GET', $off->url('/.well-known/oauth-authorization-server'))->json;
	ok(!exists $doc->{client_id_metadata_document_supported}, 'with cimdEnabled: false documents are not promised');
	my $browser = Gatehouse::Flow->new(origin => $off->origin);
	my $id = $host->client('/off');
	my $r = $browser->browse('GET', $browser->ask(route => '/mcp/one', client => { client_id => $id }, redirect_uri => $cb)->{url});
	is($r->{status}, 400, '... nor accepted');
	is($host->count('/off'), 0, '... nor fetched');
	$r = $browser->token({ client_id => $host->url('/app') }, grant_type => 'refresh_token', refresh_token => 'rt_x');
	is($r->json->{error}, 'invalid_client', '... nor known at the token endpoint');
	$off->stop;
}

# --- https ---

{
	my $dir = $gw->run->make_dir('tls');
	my $openssl = find_program('openssl');
	my @key = ('-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes');
	my $make = sub { my ($status, $output) = $gw->run->command({ cwd => $dir }, $openssl, @_); die "openssl @_: $output" if $status; };
	$make->('req', '-x509', @key, '-keyout', "$dir/ca.key", '-out', "$dir/ca.pem", '-subj', '/CN=Test CA', '-days', 2);
	$make->('req', @key, '-keyout', "$dir/host.key", '-out', "$dir/host.csr", '-subj', '/CN=localhost');
	Gatehouse::Run::write_file("$dir/ext", "subjectAltName=DNS:localhost\n");
	$gw->run->give("$dir/ext");
	$make->('x509', '-req', '-in', "$dir/host.csr", '-CA', "$dir/ca.pem", '-CAkey', "$dir/ca.key", '-CAcreateserial',
		'-out', "$dir/host.pem", '-days', 2, '-extfile', "$dir/ext");
	my $tls = free_port();
	my $id = "https://localhost:$tls/client.json";
	my $document = JSON::PP->new->utf8->encode({ client_id => $id, client_name => 'TLS', redirect_uris => [$cb] });
	Gatehouse::Run::write_file("$dir/client.json", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n$document");
	$gw->run->give("$dir/client.json");
	$gw->run->spawn('s_server', { cwd => $dir }, $openssl, 's_server', '-accept', "127.0.0.1:$tls", '-cert', "$dir/host.pem",
		'-key', "$dir/host.key", '-HTTP');
	wait_until(10, sub { IO::Socket::IP->new(PeerHost => '127.0.0.1', PeerPort => $tls) }) or die 'openssl s_server does not start';
	is(outcome($id), 'page 503', 'a certificate that nobody vouches for is refused');
	like(reasons($id), qr/fetch_tls/, '... the log says why');
	$gw->write_project(gateway => { rates => { authorize => 0 }, outbound => { caFile => "$dir/ca.pem" } });
	my ($status, $output) = $gw->ctl('reload');
	is($status, 0, 'with the certificate of its authority as caFile') or diag $output;
	$gw->restart_program('oauth');    # a process keeps to the files that it knew at its start
	is(outcome($id), 'good', '... the document is read over https') or diag reasons($id);
	is(outcome("https://127.0.0.1:$tls/client.json"), 'page 503', '... but not under a name that the certificate does not have');
}

done_testing();
