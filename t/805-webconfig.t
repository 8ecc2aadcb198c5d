#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# webconfig: what etc/ holds is what it prints; a project's own paths are filled in; each web
# server reads its configuration without complaint.

use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;

use Gatehouse::Run qw(bin_path find_program read_file top_srcdir);

my $ctl = bin_path('gatehousectl');
my $dir = tempdir(CLEANUP => 1);

sub webconfig { return scalar qx($ctl @_ 2>&1) }

my %files = (lighttpd => 'lighttpd/gatehouse-standing.conf', 'lighttpd-spawn' => 'lighttpd/gatehouse-spawned.conf',
	'apache-proxy' => 'apache/gatehouse-proxy.conf', 'apache-fcgid' => 'apache/gatehouse-fcgid.conf',
	htaccess => 'cgi/htaccess', nginx => 'nginx/gatehouse.conf', 'nginx-http' => 'nginx/gatehouse-http.conf',
	'nginx-fastcgi' => 'nginx/gatehouse-fastcgi.conf');
for my $kind (sort keys %files) {
	is(webconfig("webconfig $kind --generic --programs /usr/libexec/gatehouse"),
		read_file(top_srcdir() . "/etc/$files{$kind}"), "etc/$files{$kind} is what webconfig prints (etc/generate)");
}

mkdir "$dir/config";
Gatehouse::Run::write_file("$dir/gateway.jsonc", '{"compatibilityDate": "2026-03-01", "basePath": "/gw",
	"publicOrigins": ["https://mcp.example.com"]}');
Gatehouse::Run::write_file("$dir/config/policies.json", '{"policies": []}');
Gatehouse::Run::write_file("$dir/config/routes.oas.json", '{"paths": {"/tools/a.b": {"post": {"operationId": "a",
	"x-gatehouse-route": {"public": true, "handler": {"export": "McpProxyHandler",
	"options": {"rewritePattern": "https://up.example.com/mcp"}}}}}}}');
for my $kind (grep { !/^nginx/ } sort keys %files) {
	my $text = webconfig("-c $dir webconfig $kind");
	my $root = $kind eq 'htaccess' ? '\\^' : '\\^/';
	like($text, qr{${root}tools/a\\\.b\$}, "$kind has the route, exactly, as a pattern");
	like($text, qr{${root}gw/oauth/}, '... and the base path');
	like($text, qr{${root}gw/mcp-registry/}, '... of the registry too');
	unlike($text, qr{\^/?mcp/}, '... and nothing of another project');
}

my $text = webconfig("-c $dir webconfig nginx");
like($text, qr{^location = /tools/a\.b \{$}m, 'nginx has the route, exactly, as a path');
like($text, qr{^location = /tools/a\.b/\.well-known/openid-configuration \{$}m, '... and its document');
like($text, qr{^location \^~ /gw/oauth/ \{$}m, '... and the base path');
like($text, qr{^location \^~ /gw/mcp-registry/ \{$}m, '... of the registry too');
unlike($text, qr{ /mcp/}, '... and nothing of another project');

my $usage = webconfig('webconfig caddy');
like($usage, qr/usage: .*apache-proxy/, 'an unknown web server is told the known ones');
is($? >> 8, 2, '... as a wrong call');

# as the web servers read them
my ($sockets, $www) = ("$dir/s", "$dir/www");
mkdir $_ for $sockets, $www;
for my $program (qw(discovery oauth consent connect console mcp)) {    # lighttpd looks whether they can be started
	Gatehouse::Run::write_file("$dir/$program.fcgi", "#!/bin/false\n");
	chmod 0755, "$dir/$program.fcgi";
}
for my $kind ('lighttpd', 'lighttpd-spawn') {
	Gatehouse::Run::write_file("$dir/$kind.conf", "server.port = 1\nserver.document-root = \"$www\"\n"
		  . webconfig("-c $dir webconfig $kind --sockets $sockets --programs $dir"));
	my $said = qx(@{[find_program('lighttpd')]} -tt -f $dir/$kind.conf 2>&1);
	is($?, 0, "lighttpd reads $kind") or diag $said;
	is($said, '', '... without a word');
}
my $modules = '/usr/lib/apache2/modules';
for my $kind ('apache-proxy', 'apache-fcgid') {
	my @load = qw(authz_core mpm_event alias proxy proxy_fcgi fcgid);
	Gatehouse::Run::write_file("$dir/$kind.conf", join '', "ServerName localhost\nListen 127.0.0.1:1\n",
		"ServerRoot $dir\nPidFile $dir/pid\nDocumentRoot $www\nErrorLog $dir/error.log\n",
		(map { "LoadModule ${_}_module $modules/mod_$_.so\n" } @load),
		webconfig("-c $dir webconfig $kind --sockets $sockets --programs $dir"));
	my $said = qx(@{[find_program('apache2')]} -t -f $dir/$kind.conf 2>&1);
	is($?, 0, "Apache reads $kind") or diag $said;
	is($said, "Syntax OK\n", '... without a word');
}

# beside what a site has already: pages, files that nobody may see, another FastCGI program with settings of its own
my %at = (nginx => 'snippets/gatehouse.conf', 'nginx-fastcgi' => 'snippets/gatehouse-fastcgi.conf', 'nginx-http' => 'conf.d/gatehouse.conf');
mkdir "$dir/$_" for qw(snippets conf.d);
Gatehouse::Run::write_file("$dir/$at{$_}", webconfig("-c $dir webconfig $_ --sockets '$dir/with blank'")) for keys %at;
Gatehouse::Run::write_file("$dir/nginx.conf", <<"END");
pid $dir/nginx.pid;
error_log stderr;
events {}
http {
	@{[join ' ', map { "${_}_temp_path $dir/temp;" } qw(client_body proxy fastcgi uwsgi scgi)]}
	access_log off;
	client_max_body_size 1m;
	gzip on;
	include conf.d/*.conf;
	server {
		listen unix:$dir/listen;
		client_max_body_size 2m;
		fastcgi_buffering on;
		include snippets/gatehouse.conf;
		location / { root $www; }
		location /.well-known/acme-challenge/ { root $www; }
		location ~ /\\. { deny all; }
		location ~ \\.php\$ { include /etc/nginx/fastcgi_params; fastcgi_pass unix:/run/php.sock; }
	}
}
END
my $said = qx(@{[find_program('nginx')]} -e stderr -p $dir -c $dir/nginx.conf -t 2>&1);
is($?, 0, 'nginx reads the three parts, beside what a site has') or diag $said;
is($said =~ s/^nginx: (?:the )?configuration file \S+ (?:syntax is ok|test is successful)\n//mgr, '', '... without a word');

done_testing();
