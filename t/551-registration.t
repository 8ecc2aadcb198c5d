#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Who the gateway is to an upstream, and what it asks for: registrations by hand and by itself, scopes in their order
# and with their delimiter, prompt, and where the upstream's metadata is.

use strict;
use warnings;

use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use POSIX ();
use Test::More;

use Gatehouse::Authority;
use Gatehouse::Flow;
use Gatehouse::Http qw(request url_decode url_encode);
use Gatehouse::Pg;
use Gatehouse::Run qw(wait_until);
use Gatehouse::Server;
use Gatehouse::Token qw(issue);

my $false = JSON::PP::false;
my $as = Gatehouse::Authority->new;
my $odd = $as->url('/odd/place');
my %options = (
	basic => { clientRegistration => { mode => 'manual', clientId => 'c:1', clientSecret => 'x y' } },
	post => { clientRegistration => { mode => 'manual', clientId => 'c2', clientSecret => 'a&b', tokenEndpointAuthMethod => 'client_secret_post' } },
	none => { clientId => 'c3' },
	auto => {},
	explicit => { clientRegistration => { mode => 'auto' } },
	scopes => { scopes => ['a:b', 'c'] },
	delimiter => { scopes => ['a', 'b', 'offline_access'], scopeDelimiter => ',' },
	prompt => { scopes => ['a', 'offline_access'] },
	noprompt => { scopes => ['a', 'offline_access'], prompt => $false },
	select => { scopes => ['a'], prompt => 'select_account' },
	login => { scopes => ['offline_access'], prompt => 'login' },
	override => { protectedResourceMetadataUrl => $odd },
);
my @ids = sort keys %options;
my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, policies => [map { { name => "mcp-token-exchange-$_", policyType => 'mcp-token-exchange-inbound',
	handler => { export => 'X', options => { displayName => $_, authMode => 'user-oauth', %{ $options{$_} } } } } } @ids],
	gateway => { limits => { fetchMs => 60000 } }, routes => { map { ("/mcp/$_" => { upstream => $as->url('/mcp'), inbound => ["mcp-token-exchange-$_"] }) } @ids });
my $flow = Gatehouse::Flow->new(origin => $gw->origin);
my $call = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoami","arguments":{}}}';

# Connects: (the parameters of the authorization request, the token request).
sub connect_to {
	my ($id) = @_;
	my $token = issue($pg, $gw, "/mcp/$id", subject => 'dev-browser-user');
	$as->clear;
	my $to = $flow->open($flow->call("/mcp/$id", $token, $call)->json->{error}{data}{authUrl});
	my $url = $to->header('location') // return diag("$id: $to->{status} $to->{content}");
	my $done = $flow->browse('GET', request('GET', $url)->header('location'));
	is($done->{status}, 200, "$id: connected") or diag $done->{content};
	is($flow->call("/mcp/$id", $token, $call)->json->{result}{content}[0]{text}, 'hello upstream-user', '... and called');
	my ($query) = $url =~ /\?(.*)/;
	return ({ map { my ($n, $v) = split /=/; ($n => url_decode($v)) } split /&/, $query }, ($as->requests('/token'))[-1]);
}

# ---- who we are

my ($q, $t) = connect_to('basic');
is($q->{client_id}, 'c:1', 'a client by hand, with a secret');
is($t->{header}{authorization}, 'Basic ' . encode_base64('c%3A1:x%20y', ''), '... proves itself by Basic, both halves encoded');
unlike($t->{content}, qr/client_secret|client_id/, '... and by nothing else');
($q, $t) = connect_to('post');
like($t->{content}, qr/client_id=c2&client_secret=a%26b/, 'client_secret_post: in the form');
is($t->{header}{authorization}, undef, '... and nowhere else');
($q, $t) = connect_to('none');
like($t->{content}, qr/client_id=c3&/, 'no secret: the id alone, in the form');
unlike($t->{content}, qr/client_secret/, '... without a secret');
is($t->{header}{authorization}, undef, '... and no header');
is($pg->psql("select count(*) from gatehouse.upstream_registration where redirect_uri not like 'manual:%'"), '0', 'none of them was registered');

for my $method (qw(client_secret_basic client_secret_post none)) {
	$pg->psql('delete from gatehouse.connection; delete from gatehouse.connect_attempt; delete from gatehouse.upstream_registration');
	$as->set(asm => { token_endpoint_auth_methods_supported => [$method] });
	($q, $t) = connect_to('auto');
	my $asked = JSON::PP::decode_json(($as->requests('/register'))[0]{content});
	is_deeply([@$asked{qw(token_endpoint_auth_method application_type grant_types response_types redirect_uris)}],
		[$method, 'web', ['authorization_code', 'refresh_token'], ['code'], [$gw->url('/auth/connections/auto/callback')]], "auto: asks for a registration with $method");
	is($t->{header}{authorization} ? 'client_secret_basic' : $t->{content} =~ /client_secret=/ ? 'client_secret_post' : 'none', $method, '... and uses it');
}
$as->set(asm => undef);
($q, $t) = connect_to('explicit');
like($q->{client_id}, qr/^client-/, 'mode auto, said in so many words, is the same');

# ---- what we ask for

is(connect_with('scopes', challenge => ' scope="from-challenge"')->{scope}, 'a:b c', 'scopes of the configuration win, and are sent as they are');
is(connect_with('auto', challenge => ' scope="one two"')->{scope}, 'one two', 'else those of the challenge');
is(connect_with('auto')->{scope}, 'read', 'else those that the metadata names');
is(connect_with('auto', prm => { scopes_supported => undef })->{scope}, undef, 'else none');
is(connect_with('auto', asm => { scopes_supported => ['read', 'offline_access'] })->{scope}, 'read offline_access', 'offline_access comes to those that were found, where the server has it');
is(connect_with('scopes', asm => { scopes_supported => ['a:b', 'offline_access'] })->{scope}, 'a:b c', '... and not to those of the configuration');
is(connect_with('delimiter')->{scope}, 'a,b,offline_access', 'with another delimiter');
is(connect_with('delimiter')->{prompt}, 'consent', '... which the question for offline_access understands');
is(connect_with('prompt')->{prompt}, 'consent', 'prompt: consent where offline_access is asked for');
is(connect_with('scopes')->{prompt}, undef, '... and none where it is not');
is(connect_with('noprompt')->{prompt}, undef, 'prompt false sends none');
is(connect_with('select')->{prompt}, 'select_account', 'prompt is sent as configured');
is(connect_with('login')->{prompt}, 'login', '... in place of the other');

sub connect_with {
	my ($id, %knobs) = @_;
	$pg->psql("delete from gatehouse.connection where upstream_id = '$id'");
	my $o = $as->origin;
	$knobs{challenge} = qq(Bearer error="invalid_token",$knobs{challenge}, resource_metadata="$o/.well-known/oauth-protected-resource/mcp") if $knobs{challenge};
	$as->set(%knobs);
	my ($query) = connect_to($id);
	$as->set(map { $_ => undef } keys %knobs);
	return $query;
}

# ---- where the metadata is

my $document = JSON::PP::encode_json({ resource => $as->url('/mcp'), authorization_servers => [$as->origin], scopes_supported => ['odd'] });
$as->set(answers => { '/odd/place' => [200, 'application/json', $document] });
is(connect_with('override', answers => { '/odd/place' => [200, 'application/json', $document] })->{scope}, 'odd', 'metadata at a place of its own');
is(scalar(my @none = $as->requests('/.well-known/oauth-protected-resource/mcp')), 0, '... and at no other');
like($gw->log('connect'), qr/names other metadata than protectedResourceMetadataUrl/, '... of which the log warns where the challenge says otherwise');
is(connect_with('auto', challenge => ' ', prm => { resource => $as->origin })->{resource}, $as->origin, 'the resource is the metadata\'s own text');
like(($as->requests('/token'))[-1]{content}, qr/resource=\Q@{[url_encode($as->origin)]}\E/, '... in the token request, too');

# ---- the key of the vault changes while the upstream is waited for

$pg->psql('delete from gatehouse.connection; delete from gatehouse.connect_attempt; delete from gatehouse.upstream_registration');
sub ctl_ok { my (@a) = @_; my ($status, $text) = $gw->ctl(@a); is($status, 0, "gatehousectl @a") or diag $text; return $text }
sub reload {
	my $before = () = $gw->log('connect') =~ /a new snapshot is in force/g;
	ctl_ok('reload');
	return ok(wait_until(30, sub { (() = $gw->log('connect') =~ /a new snapshot is in force/g) > $before }), '... which is in force');
}
sub under { my ($key) = @_; return $pg->psql("select coalesce(sum(n), 0) from gatehouse.sealed_rows('vault', '$key')") }
my ($old) = ctl_ok(qw(keys list)) =~ /^vault +(\S+) +primary/m;
my ($new) = ctl_ok(qw(keys add vault)) =~ /^([a-z0-9-]+)$/m;
reload();
my $ask = $flow->call('/mcp/auto', issue($pg, $gw, '/mcp/auto', subject => 'dev-browser-user'), $call)->json->{error}{data}{authUrl};
$as->clear;
$as->set(hold => '/register');
my $pid = fork // die "fork: $!";
if (!$pid) {
	POSIX::_exit(($flow->open($ask)->header('location') // '') =~ m{/authorize\?} ? 0 : 1);
}
ok(wait_until(30, sub { scalar(my @r = $as->requests('/register')) }), 'a registration is waited for');
ctl_ok(qw(keys primary vault), $new);
reload();
$as->set(hold => undef);
waitpid $pid, 0;
is($?, 0, 'the way goes on to the authorization server');
is($pg->psql("select (select count(*) from gatehouse.upstream_registration where client_secret is not null) || ' ' || (select count(*) from gatehouse.connect_attempt)"),
	'1 1', '... with a registration and an attempt');
is(under($old), '0', '... neither of which is under the old key, which is about to be retired');
is(under($new), '2', '... but under the new one');

done_testing;
