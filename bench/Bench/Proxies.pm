# SPDX-License-Identifier: Apache-2.0
#
# What stands beside the gateway in the same run, in front of the same upstream: proxies that check nothing (lighttpd,
# nginx), and what one would build instead (Apache with mod_auth_openidc, Node with the MCP SDK). Each is
#
#	{ name, url, pids => sub { all its processes }, token }
#
# or undef, with a line that says what is missing.

package Bench::Proxies;

use strict;
use warnings;

use File::Copy qw(copy);

use Bench::Measure qw(family note);
use Gatehouse::Http qw(request);
use Gatehouse::Peers;
use Gatehouse::Run qw(find_program free_port wait_until);

my $APACHE = '/usr/lib/apache2/modules';
my $TOKEN = 'bench-token'; # the upstream's /introspect calls any token good

# A configuration in the run's folder.
sub _write {
	my ($run, $name, $text) = @_;
	my $path = $run->dir . "/$name";
	Gatehouse::Run::write_file($path, $text);
	$run->give($path);
	return $path;
}

# Waits until it answers.
sub _row {
	my ($run, $name, $pid, $url, $token) = @_;
	wait_until(20, sub {
		my $r = request('POST', $url, { headers => [['content-type', 'application/json'],
			['accept', 'application/json, text/event-stream'], $token ? ['authorization', "Bearer $token"] : ()],
			content => '{"jsonrpc":"2.0","id":1,"method":"tools/list"}' });
		$r->{status} && $r->{status} == 200;
	}) or die "bench: $name does not start\n" . $run->log_text($name);
	return { name => $name, url => $url, token => $token, pids => sub { family($pid) } };
}

sub lighttpd {
	my ($class, $run, $up) = @_;
	my ($port, $dir) = (free_port(), $run->dir);
	my $conf = _write($run, 'bare.conf', <<"END");
server.modules = ( "mod_proxy" )
server.bind = "127.0.0.1"
server.port = $port
server.document-root = "$dir"
server.stream-response-body = 1
server.max-fds = 8192
proxy.server = ( "" => (( "host" => "127.0.0.1", "port" => $up->{port} )) )
END
	my $pid = $run->spawn('lighttpd', {}, find_program('lighttpd'), '-D', '-f', $conf);
	return _row($run, 'lighttpd', $pid, "http://127.0.0.1:$port/mcp");
}

# Also the way to an upstream over TLS: with the certificate `file` and its `key`.
sub nginx {
	my ($class, $run, $up, $tls, %own) = @_;
	my $nginx = eval { find_program('nginx') } or return _missing('nginx', 'nginx');
	my ($port, $dir) = (free_port(), $run->dir);
	my $name = $own{file} ? 'nginx-tls' : 'nginx';
	my $listen = $own{file} ? "$port ssl" : $port;
	my $ssl = $own{file} ? "ssl_certificate $own{file}; ssl_certificate_key $own{key};" : '';
	my $conf = _write($run, "$name.conf", <<"END");
daemon off;
worker_processes 1;
pid $dir/$name.pid;
error_log stderr error;
events { worker_connections 4096; }
http {
	access_log off;
	client_body_temp_path $dir; proxy_temp_path $dir; fastcgi_temp_path $dir; uwsgi_temp_path $dir; scgi_temp_path $dir;
	upstream up { server 127.0.0.1:$up->{port}; keepalive 64; }
	server {
		listen 127.0.0.1:$listen backlog=4096; $ssl
		keepalive_requests 1000000;
		client_header_buffer_size 4k;
		location / { proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }
	}
}
END
	my $pid = $run->spawn($name, {}, $nginx, '-e', 'stderr', '-p', $dir, '-c', $conf);
	return { port => $port, pids => sub { family($pid) } } if $own{file};
	return _row($run, $name, $pid, "http://127.0.0.1:$port/mcp");
}

# Token introspection, remembered for the token's life: the cheapest that this module can do.
sub apache {
	my ($class, $run, $up, $tls) = @_;
	$tls or return _missing('Apache with mod_auth_openidc', 'nginx openssl (it wants its introspection over TLS)');
	-e "$APACHE/mod_auth_openidc.so" or return _missing('Apache with mod_auth_openidc', 'apache2 libapache2-mod-auth-openidc');
	my ($port, $dir) = (free_port(), $run->dir);
	my $load = join '', map { "LoadModule ${_}_module $APACHE/mod_$_.so\n" }
	  qw(mpm_event authn_core authz_core authz_user proxy proxy_http auth_openidc);
	my $conf = _write($run, 'oidc.conf', <<"END");
ServerName 127.0.0.1
ServerRoot "$dir"
DefaultRuntimeDir "$dir"
PidFile "$dir/oidc.pid"
Listen 127.0.0.1:$port
$load
ErrorLog "$dir/log/apache.log"
LogLevel error
ServerLimit 2
ThreadsPerChild 64
MaxRequestWorkers 128
MaxKeepAliveRequests 0
OIDCCryptoPassphrase bench
OIDCOAuthIntrospectionEndpoint $tls->{origin}/introspect
OIDCOAuthSSLValidateServer Off
OIDCOAuthClientID bench
OIDCOAuthClientSecret bench
OIDCCacheType shm
<Location "/">
	AuthType oauth20
	Require valid-user
	ProxyPass "http://127.0.0.1:$up->{port}/" enablereuse=on keepalive=on
</Location>
END
	my $pid = $run->spawn('apache', {}, find_program('apache2'), '-D', 'FOREGROUND', '-f', $conf);
	return _row($run, 'apache', $pid, "http://127.0.0.1:$port/mcp", $TOKEN);
}

# express, the SDK's bearer check and http-proxy-middleware.
sub node {
	my ($class, $run, $up) = @_;
	my $install = "$ENV{top_srcdir}/t/peers/install";
	open my $out, '-|', 'sh', $install, '../../bench/peers' or die "bench: $install: $!\n";
	chomp(my $cache = <$out> // '');
	close $out or return _missing('Node with the MCP SDK', 'npm (and its registry)');
	my $port = free_port();
	$run->make_dir('node');
	my $script = $run->dir . '/node/proxy.mjs';
	copy("$ENV{top_srcdir}/bench/peers/proxy.mjs", $script) or die "bench: $script: $!\n";
	$run->give($script);
	symlink "$cache/node_modules", $run->dir . '/node/node_modules' or die "bench: node_modules: $!\n";
	my $pid = $run->spawn('node', {}, Gatehouse::Peers->node, $script, $port, "http://127.0.0.1:$up->{port}");
	return _row($run, 'node', $pid, "http://127.0.0.1:$port/mcp", $TOKEN);
}

sub _missing {
	my ($what, $packages) = @_;
	note("$what is not measured: install $packages");
	return;
}

1;
