#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# gatehousectl doctor through the public URL: web servers and networks with one fault each.

use strict;
use warnings;

use IO::Socket::IP;
use Test::More;

use Gatehouse::Doctor;
use Gatehouse::Front;
use Gatehouse::Http qw(request);
use Gatehouse::Pg;
use Gatehouse::Run qw(find_program free_port wait_until);
use Gatehouse::Server;

my $upstream = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => 0, Listen => 64) or die $@;
my %routes = ('/mcp/a' => { upstream => 'http://127.0.0.1:' . $upstream->sockport . '/mcp' });
my %tls = map { $_ => free_port() } qw(good soon late wrong);
my $front = Gatehouse::Front->new;
my $pg = Gatehouse::Pg->new;
my @origins = ($front->origin, map { "https://localhost:$_" } values %tls);
my $gw = Gatehouse::Server->new(pg => $pg, routes => \%routes,
	gateway => { publicOrigins => \@origins, trustedProxies => ['127.0.0.9/32'] });
$front->behind($gw->port, $gw->project);
my $doctor = Gatehouse::Doctor->new($gw, '--url', $front->origin);

for my $program (qw(discovery oauth consent mcp)) {
	wait_until(10, sub { request(GET => $gw->url("/health/$program/healthz"))->{status} == 200 });
}

# ---- one fault after the other in the web server ----

my ($status, $report) = $doctor->look;
is($status, 0, 'a proxy that is set up well passes')
  or diag explain [grep { $_->{result} eq 'error' } @{ $report->{checks} }];

my @faults = (
	['drop-authorization', 'authorization', error => qr/does not reach the gateway/, qr/CGIPassAuth On/, 'a hidden token'],
	['drop-query', 'query', error => qr/query of a URL does not/, qr/SetHandler/, 'a lost query'],
	['few-methods', 'methods', error => qr/DELETE does not reach/, qr/LimitExcept/, 'methods held back'],
	['no-options', 'cors', error => qr/preflight/, qr/OPTIONS/, 'preflights held back'],
	['drop-cors', 'cors', error => qr/Access-Control-Allow-Origin is missing/, qr/leave CORS/, 'CORS taken away'],
	['small-bodies', 'body', error => qr/1048576 bytes.*413/, qr/client_max_body_size/, 'a small limit on bodies'],
	['large-bodies-break', 'body-limit', error => qr/status 500 instead of 413/, qr/above limits\.body/,
		'a limit that breaks'],
	['hold', 'streaming', error => qr/holds the events/, qr/stream-response-body.*flushpackets/, 'buffered streams'],
	['own-host', 'host', error => qr/nobody's/, qr/ProxyPreserveHost/, 'a Host made up'],
	['inner-host', 'origin', error => qr/believes that it is/, qr/ProxyPreserveHost/, 'an inner Host'],
	['other-host', 'origin', error => qr/does not answer for/, qr/publicOrigins.*ProxyPreserveHost/, 'an unknown Host'],
	['drop-origin', 'foreign-origin', error => qr/instead of 403/, qr/Origin/, 'Origin hidden'],
	['slash-404', 'encoded-slash', error => qr/%2F in names: status 404/, qr/AllowEncodedSlashes/, '%2F refused'],
	['normalise', 'dot-segments', error => qr/rewrites paths/, qr/dotseg/, 'paths made plain'],
	['drop-request-id', 'request-id', error => qr/no X-Request-Id/, qr/pass the programs' headers/, 'no request id'],
	['pass-request-id', 'request-id', warning => qr/choose their request ids/, qr/set X-Request-Id/,
		'request ids of strangers'],
	['believe', 'forwarded-host', error => qr/X-Forwarded-Host is believed/, qr/proxy_set_header/,
		'a stranger who names the host'],
	['believe', 'forwarded-for', error => qr/X-Forwarded-For is believed/, qr/trustedProxies/,
		'a stranger who names his address'],
	['no-well-known', 'discovery', error => qr/status 404/, qr/webconfig/, 'no documents at the root'],
	['strange-documents', 'discovery', error => qr/"issuer" is not/, qr/webconfig/, "somebody else's documents"],
	['files', 'exposed', error => qr/read the project's gateway\.jsonc/, qr/document root/, 'a project that is served'],
);
for my $fault (@faults) {
	my ($what, @expected) = @$fault;
	$front->fault($what);
	$doctor->finds(@expected);
}
$front->fault('');
is(($doctor->look)[0], 0, 'without a fault all is well again');

my $gateway = { publicOrigins => \@origins, trustedProxies => ['127.0.0.9/32'] };

# ---- the way to it ----

my $port = $gw->port;
$doctor = Gatehouse::Doctor->new($gw, '--url', 'http://127.0.0.1:9');
$doctor->finds('url', error => qr/does not answer/, qr/start the web server/, 'a web server that is down', with => ['body']);
is($doctor->result('body'), 'skipped', 'then it is asked no more');
$doctor = Gatehouse::Doctor->new($gw, '--url', 'https://gateway.invalid');
$doctor->finds('url', error => qr/gateway\.invalid is not known/, qr/DNS/, 'a name that is not known');
$doctor = Gatehouse::Doctor->new($gw, '--url', "http://gateway.invalid:$port", '--connect', "127.0.0.1:$port");
$doctor->finds('certificate', error => qr/plain http/, qr/https in publicOrigins/, 'plain http on the internet');

# ---- TLS ----

my $dir = $gw->run->dir;
sub certificate {
	my ($name, $host, @days) = @_;
	my @base = (find_program('openssl'), 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
		'-keyout', "$dir/$name.key", '-out', "$dir/$name.pem", '-subj', "/CN=$host", '-addext',
		"subjectAltName=DNS:$host");
	my ($code, $text) = $gw->run->command({}, @days ? @days : (), @base, '-days', $name eq 'soon' ? 5 : 90);
	$code == 0 or die "openssl: $text";
	return;
}
my ($preload) = glob '/usr/lib/*/faketime/libfaketime.so.1';
certificate('good', 'localhost');
certificate('soon', 'localhost');
certificate('wrong', 'other.example');
certificate('late', 'localhost', $preload ? (find_program('env'), "LD_PRELOAD=$preload", 'FAKETIME=-100d') : ());

sub apache {
	my $modules = '/usr/lib/apache2/modules';
	my $text = join '', (map { "LoadModule ${_}_module $modules/mod_$_.so\n" }
		qw(mpm_event authz_core ssl proxy proxy_http)), <<"END";
ServerName localhost
ServerRoot "$dir"
DefaultRuntimeDir "$dir"
PidFile "$dir/tls.pid"
ErrorLog "$dir/log/tls-error.log"
AllowEncodedSlashes NoDecode
ProxyPreserveHost On
END
	for my $name (sort keys %tls) {
		$text .= <<"END";
Listen 127.0.0.1:$tls{$name}
<VirtualHost 127.0.0.1:$tls{$name}>
	SSLEngine on
	SSLCertificateFile "$dir/$name.pem"
	SSLCertificateKeyFile "$dir/$name.key"
	AllowEncodedSlashes NoDecode
	ProxyPass "/" "http://127.0.0.1:$port/" nocanon flushpackets=on
</VirtualHost>
END
	}
	Gatehouse::Run::write_file("$dir/tls.conf", $text);
	$gw->run->give("$dir/tls.conf");
	$gw->run->spawn('tls', {}, find_program('apache2'), '-D', 'FOREGROUND', '-f', "$dir/tls.conf");
	wait_until(10, sub { IO::Socket::IP->new(PeerHost => '127.0.0.1', PeerPort => $tls{good}) })
	  or die $gw->run->log_text('tls');
	return;
}
apache();

sub over_tls {
	my ($name, @options) = @_;
	return Gatehouse::Doctor->new($gw, '--url', "https://localhost:$tls{$name}", '--ca-file', "$dir/$name.pem", @options);
}
$doctor = over_tls('good');
$doctor->finds_nothing('certificate', 'one that is good', with => ['expiry', 'authorization']);
is($doctor->result('expiry'), 'ok', 'and will be for a while');
is($doctor->result('authorization'), 'ok', 'nothing else is in the way');
$doctor = Gatehouse::Doctor->new($gw, '--url', "https://localhost:$tls{good}");
$doctor->finds('certificate', error => qr/clients refuse/, qr/chain.*--ca-file/, 'a CA that nobody knows',
	with => ['authorization']);
is($doctor->result('authorization'), 'ok', 'what lies behind it is looked at all the same');
over_tls('wrong')->finds('certificate', error => qr/clients refuse/, qr/a certificate for localhost/, 'another host');
over_tls('soon')->finds('expiry', warning => qr/expires in [45] days/, qr/renew/, 'one about to expire');
SKIP: {
	die 'no libfaketime (Debian: faketime)' if !$preload;
	over_tls('late')->finds('expiry', error => qr/expired \d+ days ago/, qr/renew/, 'one that has expired');
}

# ---- upstreams and the identity provider ----

sub upstream_is {
	my ($url, %gateway) = @_;
	$gw->write_project(routes => { '/mcp/a' => { upstream => $url } }, gateway => { %$gateway, %gateway });
	return Gatehouse::Doctor->new($gw, '--url', $front->origin);
}
upstream_is('http://127.0.0.1:9/mcp')->finds('upstreams', error => qr{route /mcp/a: 127.0.0.1:9 cannot be reached},
	qr/firewalls/, 'a port where nobody listens');
upstream_is('https://10.11.12.13/mcp')->finds('upstreams', error => qr/not allowed \(/,
	qr{"outbound": \{"allow": \{"a": \["10\.11\.12\.13/32"\]\}\}}, 'an address that the guard refuses');
upstream_is('https://nowhere.invalid/mcp')->finds('upstreams', error => qr/nowhere\.invalid is not known/, qr/resolver/,
	'a name that is not known');
upstream_is('http://192.0.2.1/mcp')->finds('upstreams', error => qr/plain http/, qr/"insecureHttp": \["a"\]/,
	'plain http');
upstream_is("https://localhost:$tls{good}/mcp")->finds('upstreams', error => qr/no secure connection/, qr/caFile/,
	'a certificate of a CA that is not known');
upstream_is("https://localhost:$tls{good}/mcp", outbound => { caFile => "$dir/good.pem" })->finds_nothing('upstreams',
	'with outbound.caFile it is');

my %login = (url => 'https://10.1.1.1/authorize', tokenUrl => 'https://10.1.1.2/token', clientId => 'c',
	clientSecret => 's');
$gw->write_project(oauth => 'company', gateway => $gateway, policies => [{ name => 'company',
	policyType => 'mcp-oauth-inbound', handler => { export => 'default', options => {
		oidc => { issuer => 'https://10.1.1.1/', jwksUrl => 'https://nowhere.invalid/keys' }, browserLogin => \%login } } }]);
$doctor = Gatehouse::Doctor->new($gw, '--url', $front->origin);
$doctor->finds('provider', error => qr/keys: the name nowhere\.invalid/, qr/resolver/, 'keys that cannot be fetched');
$doctor->finds('provider', error => qr/token endpoint: 10\.1\.1\.2 leads to/, qr{"company": \["10\.1\.1\.2/32"\]}, 'a token endpoint inside',
	again => 1);

# ---- what a program refused ----

$gw->write_project(oauth => undef, policies => [], routes => \%routes, gateway => $gateway);
$gw->ctl('reload');
$gw->run->make_dir('elsewhere');
$gw->run->command({}, find_program('cp'), '-a', $gw->project . '/keys/.', "$dir/elsewhere/");
$gw->write_project(gateway => { %$gateway, keyring => "$dir/elsewhere" });
$gw->ctl('reload');
SKIP: {
	skip 'this kernel has no Landlock', 2 if syscall(444, 0, 0, 1) < 1;
	ok(wait_until(10, sub { $gw->log('mcp') =~ /gave up at its start/ }), 'a snapshot out of reach is refused')
	  or diag $gw->log('mcp');
	$doctor->finds('ready', error => qr/mcp serves snapshot \d+, and \d+ is in force/, qr/restart/,
		'a program that keeps to an older snapshot');
}

$front->stop;
$gw->stop;

# ---- the settings themselves, taken out of what `webconfig` prints ----

my @settings = (
	['lighttpd', sub { s/server\.stream-response-body = 1/server.stream-response-body = 0/ }, 'streaming', qr/holds/,
		qr/server\.stream-response-body = 1/],
	['apache-proxy', sub { s/^\s*CGIPassAuth On\n//mg }, 'authorization', qr/does not reach/, qr/CGIPassAuth On/],
	['apache-proxy', sub { s/^AllowEncodedSlashes.*\n//m }, 'encoded-slash', qr/404/, qr/AllowEncodedSlashes NoDecode/],
	['apache-proxy', sub { s/flushpackets=on //g }, 'streaming', qr/holds/, qr/flushpackets=on/],
	['apache-fcgid', sub { s/^FcgidMaxRequestLen.*\n//m }, 'body', qr/status 500/, qr/FcgidMaxRequestLen/],
	['apache-fcgid', sub { s/^FcgidOutputBufferSize 0\n//m }, 'streaming', qr/holds/, qr/FcgidOutputBufferSize 0/],
	['nginx', sub { s/^\tfastcgi_(?:buffering off|keep_conn on);\n//mg; s/(?<=fastcgi_ignore_headers )/X-Accel-Buffering / }, 'streaming', qr/holds/,
		qr/fastcgi_buffering off/],
	['nginx', sub { s/(?<=client_max_body_size )8m/64k/ }, 'body', qr/status 413/, qr/client_max_body_size/],
	['nginx', sub { s/\$request_uri/\$uri/ }, 'dot-segments', qr/rewrites paths/, qr/REQUEST_URI \$request_uri/],
	['nginx', sub { s/\$request_uri/\$uri/ }, 'query', qr/query of a URL does not/, qr/REQUEST_URI \$request_uri/],
	['nginx', sub { s/(?=^fastcgi_param REQUEST_URI)/fastcgi_param HTTP_AUTHORIZATION "";\n/m }, 'authorization', qr/does not reach/,
		qr/fastcgi_param HTTP_AUTHORIZATION/],
	['nginx', sub { s/(?=^fastcgi_param REQUEST_URI)/fastcgi_param HTTP_HOST 127.0.0.1:\$server_port;\n/m }, 'host', qr/nobody's/,
		qr/fastcgi_param HTTP_HOST/],
	['nginx', sub { s/(?=^fastcgi_param REQUEST_URI)/fastcgi_hide_header X-Request-Id;\n/m }, 'request-id', qr/no X-Request-Id/,
		qr/fastcgi_hide_header/],
);
for my $setting (@settings) {
	my ($web, $edit, $check, $text, $remedy) = @$setting;
	local $Gatehouse::Web::EDIT = $edit;
	my $served = Gatehouse::Server->new(pg => $pg, routes => \%routes, web => $web);
	Gatehouse::Doctor->new($served)->finds($check, error => $text, $remedy, "a setting of $web taken out");
	$served->stop;
}
done_testing();
