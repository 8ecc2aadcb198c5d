#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Each provider that has a policy of its own signs a user in: a real OpenID provider (oidc-provider) stands behind
# the very addresses that the policy derives, with claims as that provider has them. Only names are mapped, by
# t/lib/hosts.c, and certificates for them are made here.

use strict;
use warnings;

use Config;
use JSON::PP ();
use Test::More;

use Gatehouse::Flow;
use Gatehouse::Http qw(request);
use Gatehouse::Peers;
use Gatehouse::Pg;
use Gatehouse::Run qw(find_program free_port read_file top_srcdir wait_until write_file);
use Gatehouse::Server;

my $uuid = '0f8fad5b-d9cb-469f-a165-70867728950e';
my %ada = (name => 'Ada Lovelace', email => 'ada@example.com');

my @providers = (
	{ type => 'auth0', options => { auth0Domain => 'acme.us.auth0.com', audience => 'https://api.example.com' },
		issuer => 'https://acme.us.auth0.com/', resource => 'https://api.example.com', method => 'client_secret_post',
		paths => { authorization => '/authorize', token => '/oauth/token', jwks => '/.well-known/jwks.json', userinfo => '/userinfo' },
		sub => 'auth0|5f7c8ec7', claims => { %ada, 'https://example.com/roles' => ['editor'] } },
	{ type => 'clerk', options => { frontendApiUrl => 'https://clerk.acme.com' }, issuer => 'https://clerk.acme.com',
		paths => { authorization => '/oauth/authorize', token => '/oauth/token', jwks => '/.well-known/jwks.json',
			userinfo => '/oauth/userinfo' }, sub => 'user_2x', claims => { %ada, org_role => 'admin' } },
	{ type => 'cognito', options => { awsRegion => 'eu-central-1', userPoolId => 'eu-central-1_AbC123',
			userPoolDomain => 'acme.auth.eu-central-1.amazoncognito.com' },
		issuer => 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbC123',
		paths => { authorization => '/oauth2/authorize', token => '/oauth2/token',
			jwks => '/eu-central-1_AbC123/.well-known/jwks.json', userinfo => '/oauth2/userInfo' },
		sub => $uuid, claims => { email => 'ada@example.com', 'cognito:username' => 'ada', 'cognito:groups' => ['staff', 'admins'] } },
	{ type => 'entra', options => { tenantId => $uuid }, issuer => "https://login.microsoftonline.com/$uuid/v2.0",
		method => 'client_secret_post',
		paths => { authorization => "/$uuid/oauth2/v2.0/authorize", token => "/$uuid/oauth2/v2.0/token",
			jwks => "/$uuid/discovery/v2.0/keys", userinfo => '/oidc/userinfo' },
		sub => 'AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ', claims => { name => 'Ada Lovelace', preferred_username => 'ada@example.com',
			email => 'ada@example.com', oid => $uuid, tid => $uuid, roles => ['Task.Write'], hasgroups => JSON::PP::true }, warning => qr/left the groups/ },
	{ type => 'google', options => { clientId => '1-a.apps.googleusercontent.com' }, issuer => 'https://accounts.google.com',
		method => 'client_secret_post',
		paths => { authorization => '/o/oauth2/v2/auth', token => '/token', jwks => '/oauth2/v3/certs', userinfo => '/v1/userinfo' },
		sub => '110248495921238986420', claims => { %ada, hd => 'example.com', email_verified => JSON::PP::true } },
	{ type => 'keycloak', options => { keycloakBaseUrl => 'https://sso.acme.com', realm => 'staff' },
		issuer => 'https://sso.acme.com/realms/staff', thin => 1,
		paths => { map({ $_->[0] => "/realms/staff/protocol/openid-connect/$_->[1]" } ['authorization', 'auth'], ['token', 'token'],
			['jwks', 'certs'], ['userinfo', 'userinfo']) },
		sub => $uuid, claims => { %ada, realm_access => { roles => ['editor'] } } },
	{ type => 'logto', options => { logtoEndpoint => 'https://acme.logto.app' }, issuer => 'https://acme.logto.app/oidc',
		paths => { authorization => '/oidc/auth', token => '/oidc/token', jwks => '/oidc/jwks', userinfo => '/oidc/me' },
		sub => 'kx2', claims => { %ada, roles => ['editor'] } },
	{ type => 'okta', options => { oktaDomain => 'acme.okta.com', authorizationServerId => 'default' },
		issuer => 'https://acme.okta.com/oauth2/default', thin => 1,
		paths => { authorization => '/oauth2/default/v1/authorize', token => '/oauth2/default/v1/token',
			jwks => '/oauth2/default/v1/keys', userinfo => '/oauth2/default/v1/userinfo' },
		sub => '00uid4BxXw6I6TV4m0g3', claims => { %ada, groups => ['Everyone', 'Editors'] } },
	{ type => 'onelogin', options => { oneLoginSubdomain => 'acme' }, issuer => 'https://acme.onelogin.com/oidc/2',
		paths => { authorization => '/oidc/2/auth', token => '/oidc/2/token', jwks => '/oidc/2/certs', userinfo => '/oidc/2/me' },
		sub => '97163220', claims => { %ada, groups => ['Editors'] } },
	{ type => 'ping', options => { environmentId => $uuid, region => 'europe' }, issuer => "https://auth.pingone.eu/$uuid/as",
		paths => { authorization => "/$uuid/as/authorize", token => "/$uuid/as/token", jwks => "/$uuid/as/jwks",
			userinfo => "/$uuid/as/userinfo" },
		sub => $uuid, claims => { %ada, 'p1.groups' => ['Editors'] } },
	{ type => 'workos', options => { clientId => 'client_01' }, issuer => 'https://api.workos.com/user_management/client_01',
		method => 'client_secret_post', workos => 1,
		paths => { authorization => '/user_management/authorize', token => '/user_management/authenticate', jwks => '/sso/jwks/client_01' },
		sub => 'user_01E4ZCR3C56J083X43JQXF3JK5', claims => { %ada, role => 'admin', permissions => ['posts:write'] } },
);

my $cc = find_program('cc');
my $pg = Gatehouse::Pg->new;
my $run = Gatehouse::Run->new('hosts');
chmod 0755, $run->dir;
system($cc, '-shared', '-fPIC', '-o', "$run->{dir}/hosts.so", top_srcdir() . '/t/lib/hosts.c', '-ldl') == 0 or die 'hosts.c';
chmod 0755, "$run->{dir}/hosts.so";

# A certificate of our own authority for all names.
my @names = ('www.googleapis.com', 'oauth2.googleapis.com', 'openidconnect.googleapis.com', 'graph.microsoft.com',
	'acme.auth.eu-central-1.amazoncognito.com', map { $_->{issuer} =~ m{^https://([^/]+)} } @providers);
my $d = $run->dir;
write_file("$d/names", "subjectAltName=" . join(',', map { "DNS:$_" } @names) . "\n");
for my $command (
	"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -keyout $d/ca.key -out $d/ca.pem -subj /CN=test-ca",
	"openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $d/server.key -out $d/server.csr -subj /CN=test",
	"openssl x509 -req -in $d/server.csr -CA $d/ca.pem -CAkey $d/ca.key -CAcreateserial -days 2 -out $d/server.pem -extfile $d/names") {
	system("$command >$d/openssl.log 2>&1") == 0 or die read_file("$d/openssl.log");
}
chmod 0644, "$d/ca.pem";
my %tls = (key => read_file("$d/server.key"), cert => read_file("$d/server.pem"));

my $port = free_port();
sub policy {
	my ($p) = @_;
	return { name => 'sign-in', policyType => "mcp-$p->{type}-oauth-inbound", handler => { export => 'x', options => {
		clientId => 'gateway', clientSecret => 's3cret +:%', %{ $p->{options} } } } };
}
my $gw = Gatehouse::Server->new(pg => $pg, programs => [qw(discovery oauth consent)], oauth => 'sign-in',
	gateway => { rates => { register => 0, authorize => 0, token => 0 },
		outbound => { caFile => "$d/ca.pem", allow => { 'sign-in' => ['127.0.0.0/8'] } } },
	process_env => { LD_PRELOAD => "$d/hosts.so", GATEHOUSE_TEST_PORT => $port, ASAN_OPTIONS => 'verify_asan_link_order=0' },
	policies => [policy($providers[0])],
	routes => { '/mcp/one' => { upstream => 'http://127.0.0.1:9/mcp' } });
my $scripts = Gatehouse::Peers->scripts($gw->run);
my $JSON = JSON::PP->new->utf8->canonical;

# The browser follows redirects to names by the mapping, too.
sub through {
	my ($flow, $url, $jar) = @_;
	for (1 .. 12) {
		return $flow->open($url) if index($url, $gw->origin) == 0;
		my ($host, $path) = $url =~ m{^https://([^/?]+)(.*)$} or return { status => 0, content => "no way to $url", url => $url };
		my $cookies = join '; ', map { "$_=$jar->{$_}" } sort keys %$jar;
		my $answer = $gw->run->{tls_get}->($host, $path, $cookies);
		for (@{ $answer->{cookies} }) {
			my ($n, $v) = /^([^=]+)=([^;]*)/ or next;
			if ($v eq '') { delete $jar->{$n} } else { $jar->{$n} = $v }
		}
		return { status => $answer->{status}, content => $answer->{body}, url => $url } if !$answer->{location};
		$url = $answer->{location} =~ m{^/} ? "https://$host$answer->{location}" : $answer->{location};
	}
	return { status => 0, content => 'too many redirects', url => $url };
}

# curl, which can be told where a name is.
$gw->run->{tls_get} = sub {
	my ($host, $path, $cookies) = @_;
	my ($status, $output) = $gw->run->command({}, find_program('curl'), '-sSi', '--max-time', 10, '--cacert', "$d/ca.pem",
		'--connect-to', "$host:443:127.0.0.1:$port", '-H', "Cookie: $cookies", "https://$host$path");
	my ($head, $body) = split /\r\n\r\n/, $output, 2;
	$head //= '';
	my ($code) = $head =~ m{^HTTP/\S+ (\d+)};
	my ($location) = $head =~ /^location: (\S+)/im;
	return { status => $code // 0, body => $body // $output, location => $location,
		cookies => [$head =~ /^set-cookie: (.*?)\r?$/gim] };
};

for my $p (@providers) {
	subtest "mcp-$p->{type}-oauth-inbound" => sub {
		$gw->write_project(policies => [policy($p)]);
		my ($status, $out) = $gw->ctl('reload');
		is($status, 0, 'the project is sound') or diag($out);
		unlike($out, qr/does not serve/, '... and the policy is served');
		my $id = $p->{options}{clientId} || 'gateway';
		my $pid = $gw->run->spawn("provider-$p->{type}", {}, Gatehouse::Peers->node, "$scripts/oidc.mjs", $JSON->encode({
			port => $port, issuer => $p->{issuer}, tls => \%tls, paths => $p->{paths}, automatic => $p->{sub}, refresh => JSON::PP::true,
			client => { id => $id, secret => 's3cret +:%', method => $p->{method}, redirect_uris => [$gw->url('/oauth/callback')] },
			users => { $p->{sub} => $p->{claims} }, ($p->{resource} ? (resource => $p->{resource}) : ()),
			($p->{workos} ? (workos => JSON::PP::true) : ()), idTokenClaims => $p->{thin} ? JSON::PP::false : JSON::PP::true }));
		wait_until(15, sub { $gw->run->log_text("provider-$p->{type}") =~ /listening/ });

		my $flow = Gatehouse::Flow->new(origin => $gw->origin);
		my $ask = $flow->ask(route => '/mcp/one');
		my $to;
		# the new project is served within a second
		wait_until(30, sub { $to = $flow->browse('GET', $ask->{url})->header('location') // '';
			return $to =~ m{^https://[^/]+\Q$p->{paths}{authorization}\E\?} });
		like($to, qr{^https://[^/]+\Q$p->{paths}{authorization}\E\?}, 'the browser is sent to the provider');
		my $page = through($flow, $to, {});
		is($page->{status}, 200, 'and comes back to the consent page') or diag(substr($page->{content}, 0, 2000),
			$gw->run->log_text("provider-$p->{type}"), $gw->log('oauth'));
		like($page->{content}, qr/ada\@example\.com/, 'signed in as who it is');
		my $r = $flow->decide($page, 'approve');
		$r = $flow->redeem($ask, $flow->answer($r)->{code} // '');
		is($r->{status}, 200, 'the client gets its token');
		is($pg->psql("select count(*) from gatehouse.grants where subject = '$p->{issuer}|$p->{sub}'"), 1,
			'for a subject with the issuer in it');
		like($gw->log('oauth'), $p->{warning}, 'with a warning') if $p->{warning};
		my $old = "select claims_at < now() - interval '1 day' from gatehouse.login where subject = '$p->{issuer}|$p->{sub}'";
		$pg->psql("update gatehouse.login set claims_at = now() - interval '2 days' where subject = '$p->{issuer}|$p->{sub}'");
		is($pg->psql($old), 't', '(two days go by)');
		$r = $flow->refresh({ %{ $r->json || {} }, client => $ask->{client} });
		is($r->{status}, 200, 'the client refreshes') or diag($r->{content}, $gw->run->log_text("provider-$p->{type}"));
		is($pg->psql($old), 'f', '... and the provider was asked about the user again');
		kill 'TERM', $pid;
		waitpid $pid, 0;
	};
}

$gw->stop;
$run->stop;
$pg->stop;
done_testing;
