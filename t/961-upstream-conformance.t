#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# ./runtests --full: the official conformance suite's scenarios for clients, group `auth`, judge the gateway as the client
# of an upstream. The command under test hands the suite's server to a gateway as an upstream; a user of the gateway
# calls through it, and opens in a browser what the gateway says.

use strict;
use warnings;

use JSON::PP ();
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use Gatehouse::Flow;
use Gatehouse::Http qw(request);
use Gatehouse::Peers;
use Gatehouse::Pg;
use Gatehouse::Run qw(read_file wait_until write_file);
use Gatehouse::Server;
use Gatehouse::Token qw(issue);

BAIL_OUT('the peers of t/peers/full are missing: ./runtests --full installs them') if !Gatehouse::Peers->full('conformance');

# Scenarios that do not pass, each with its reason.
my %LISTED = (
	'auth/client-credentials-jwt' => 'tokens of the gateway itself, without a user: the product has no such connection',
	'auth/client-credentials-basic' => 'the same',
	'auth/wif-jwt-bearer' => 'workload identity (a draft): the same',
	'auth/dpop' => 'DPoP is a draft here, and not served',
	'auth/dpop-nonce' => 'the same',
);

# Those that pass with one warning, which the suite takes for a failure.
my %WARNED = (
	'auth/basic-cimd' => 'the gateway of this test is at a loopback address, where no server could fetch its document: it registers',
);

my $JSON = JSON::PP->new->canonical->utf8;
my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, gateway => { rates => { register => 0, authorize => 0, token => 0 } });
my $dir = $gw->run->make_dir('conformance');
my $n = 0;

# The command under test: it asks this process, which has the gateway, and ends as it is told.
my $command = "$dir/client";
write_file($command, <<"END");
#!/bin/sh
dir=\$(mktemp -d $dir/ask-XXXXXX)
printf '%s' "\$MCP_CONFORMANCE_CONTEXT" >"\$dir/context"
printf '%s' "\$MCP_CONFORMANCE_PROTOCOL_VERSION" >"\$dir/version"
for url; do :; done
printf '%s' "\$url" >"\$dir/url.new" && mv "\$dir/url.new" "\$dir/url"
while [ ! -e "\$dir/done" ]; do sleep 0.05; done
cat "\$dir/done"
exit "\$(cat "\$dir/status")"
END
chmod 0755, $command;

sub all_scenarios {
	my ($status, $list) = $gw->run->command({}, Gatehouse::Peers->full('conformance'), 'list', '--client');
	return $list =~ m{^\s+- (auth/\S+)}mg;
}

# ---- the project that has the suite's server as its upstream

sub serve {
	my ($id, $url, $scenario, $context) = @_;
	my %options = (displayName => $id, authMode => 'user-oauth');
	if ($scenario eq 'auth/pre-registration') {
		$options{clientRegistration} = { mode => 'manual', clientId => $context->{client_id}, clientSecret => $context->{client_secret} };
	} elsif ($scenario eq 'auth/enterprise-managed-authorization') {
		my $issuer = request('GET', well_known($url, 'oauth-protected-resource'))->json->{authorization_servers}[0];
		my $token_url = request('GET', well_known($issuer, 'oauth-authorization-server'))->json->{token_endpoint};
		%options = (displayName => $id, authMode => 'id-jag', idJag => {
			idp => { tokenUrl => $context->{idp_token_endpoint}, clientAuth => { method => 'client_secret_post',
				clientId => $context->{idp_client_id}, clientSecret => 'none is wanted' } },
			resourceAs => { tokenUrl => $token_url, audience => $issuer, clientAuth => { method => 'client_secret_basic',
				clientId => $context->{client_id}, clientSecret => $context->{client_secret} } } });
	}
	my @idp = $context->{idp_issuer} ? { name => 'idp', policyType => 'mcp-oauth-inbound', handler => { export => 'X', options => {
		oidc => { issuer => $context->{idp_issuer}, discovery => JSON::PP::true }, browserLogin => { clientId => 'gateway', clientSecret => 's' } } } } : ();
	$gw->write_project(oauth => @idp ? 'idp' : undef, policies => [@idp, { name => "mcp-token-exchange-$id", policyType => 'mcp-token-exchange-inbound',
		handler => { export => 'X', options => \%options } }],
		gateway => { rates => { register => 0, authorize => 0, token => 0 }, outbound => { $scenario =~ /2025-03-26/ ? (legacyDiscovery => [$id]) : () } },
		routes => { "/mcp/$id" => { upstream => $url, inbound => ["mcp-token-exchange-$id"] } });
	my $before = () = $gw->log =~ /a new snapshot is in force/g;
	my ($status, $text) = $gw->ctl('reload');
	die $text if $status;
	wait_until(10, sub { (() = $gw->log =~ /a new snapshot is in force/g) >= $before + 5 }) or die 'the programs do not change over';
	return;
}

sub well_known { my ($url, $what) = @_; $url =~ m{^(http://[^/]+)(.*)$} or die $url; return "$1/.well-known/$what$2" }

# ---- the user

my $flow;

# Goes where the gateway says, and wherever that leads; false if it does not end well.
sub connect_by {
	my ($url) = @_;
	my $r = $flow->browse('GET', $url);
	for (1 .. 15) {    # the sign-in of the gateway, too
		return $r->{status} == 200 if $r->{status} !~ /^30/;
		my $to = $r->header('location');
		$r = index($to, $gw->origin) == 0 ? $flow->browse('GET', $to) : request('GET', $to);
	}
	return 0;
}

# A message of the modern era: what it takes is in each.
sub modern {
	my ($method, $params) = @_;
	return ({ jsonrpc => '2.0', id => 1, method => $method, params => { %$params, _meta => { 'io.modelcontextprotocol/protocolVersion' => '2026-07-28',
		'io.modelcontextprotocol/clientInfo' => { name => 'conformance', version => '1' }, 'io.modelcontextprotocol/clientCapabilities' => { elicitation => { url => {} } } } } },
		['MCP-Protocol-Version', '2026-07-28'], ['Mcp-Method', $method], defined $params->{name} ? ['Mcp-Name', $params->{name}] : ());
}

# One message, as often as the user can do something about it. The answer, or undef.
sub send_message {
	my ($id, $token, $message, $session, @headers) = @_;
	push @headers, ['Mcp-Session-Id', $$session], ['MCP-Protocol-Version', '2025-11-25'] if $$session;
	for (1 .. 5) {
		my $r = $flow->call("/mcp/$id", $token, $message, headers => \@headers);
		$$session = $r->header('mcp-session-id') || $$session;
		return { none => 1 } if $r->{status} == 202;
		my ($text) = $r->{content} =~ /^data: (\{.*)$/m;
		my $answer = eval { $text ? $JSON->decode($text) : $r->json } or return diag("no answer: $r->{status} $r->{content}") && undef;
		diag("$r->{content}") if $ENV{VERBOSE};
		my $url = $answer->{error} && $answer->{error}{data} && $answer->{error}{data}{authUrl} // '';
		my $result = $answer->{result} || {};
		($url) = $result->{content}[0]{text} =~ /(http\S+)/ if $result->{isError} && $result->{content}[0]{text} =~ m{/auth/connections/};
		$url = $result->{inputRequests}{connect}{params}{url} if $result->{inputRequests};
		return $answer if !$url;
		connect_by($url) or return;
	}
	return;
}

# What a client does: true if all went through.
sub use_upstream {
	my ($id, $subject, $version) = @_;
	my $token = issue($pg, $gw, "/mcp/$id", subject => $subject);
	my $session;
	$flow = Gatehouse::Flow->new(origin => $gw->origin);
	$pg->psql("update gatehouse.grants set login_id = (select login_id from gatehouse.login where subject = '$subject') where subject = '$subject'");
	return use_modern($id, $token) if $version ge '2026';
	my $hello = send_message($id, $token, { jsonrpc => '2.0', id => 1, method => 'initialize', params => { protocolVersion => '2025-11-25',
		capabilities => { elicitation => { url => {} } }, clientInfo => { name => 'conformance', version => '1' } } }, \$session);
	return 0 if !$hello || $hello->{error};
	send_message($id, $token, { jsonrpc => '2.0', method => 'notifications/initialized' }, \$session) or return 0;
	my $list = send_message($id, $token, { jsonrpc => '2.0', id => 2, method => 'tools/list' }, \$session);
	my ($tool) = $list ? @{ $list->{result}{tools} || [] } : ();
	return 0 if !$tool;
	my $done = send_message($id, $token, { jsonrpc => '2.0', id => 3, method => 'tools/call', params => { name => $tool->{name}, arguments => {} } }, \$session);
	return $done && !$done->{error};
}

sub use_modern {
	my ($id, $token) = @_;
	my $session;
	my $list = send_message($id, $token, (modern('tools/list', {}))[0], \$session, (modern('tools/list', {}))[1 .. 2]);
	my ($tool) = $list ? @{ $list->{result}{tools} || [] } : ();
	return 0 if !$tool;
	my ($message, @headers) = modern('tools/call', { name => $tool->{name}, arguments => {} });
	my $done = send_message($id, $token, $message, \$session, @headers);
	return $done && !$done->{error};
}

# What the provider's sign-in would have left, had the user come by it.
sub signed_in {
	my ($context) = @_;
	my ($claims) = $context->{idp_id_token} =~ /\.([^.]+)\./;
	my $subject = "$context->{idp_issuer}|" . $JSON->decode(MIME::Base64::decode_base64url($claims))->{sub};
	my $login = '00000000-0000-4000-8000-000000000001';
	my $file = "$dir/id-token";
	write_file($file, "- $context->{idp_id_token}\n");
	my ($status, $hex) = $gw->run->command({}, 'sh', '-c', 'exec "$1" tokens "$2" "$3" <"$4"', 'sh', $gw->run->install("$ENV{top_builddir}/t/lib/sealed-rows"),
		$gw->project . '/keys', $login, $file);
	die $hex if $status;
	$pg->psql("insert into gatehouse.login (login_id, issuer, subject, tokens) values ('$login', '$context->{idp_issuer}', '$subject', '\\x$hex')");
	return $subject;
}

# ---- a scenario

sub run_scenario {
	my ($scenario) = @_;
	my $id = 's' . ++$n;
	my $pid = $gw->run->spawn("suite-$id", { env => { NO_COLOR => 1 } }, Gatehouse::Peers->full('conformance'), 'client', '--command', $command, '--scenario', $scenario,
		'--timeout', 60000, '-o', "$dir/results");
	my %seen;
	my $end = time + 90;
	while (time < $end && waitpid($pid, POSIX::WNOHANG()) == 0) {
		for my $ask (grep { -e "$_/url" && !$seen{$_}++ } glob "$dir/ask-*") {
			next if -e "$ask/done";
			my $context = eval { $JSON->decode(read_file("$ask/context")) } || {};
			my $ok = eval {
				serve($id, read_file("$ask/url"), $scenario, $context);
				use_upstream($id, $context->{idp_id_token} ? signed_in($context) : 'dev-browser-user', read_file("$ask/version"));
			};
			write_file("$ask/status", $ok ? 0 : 1);
			write_file("$ask/done", $ok ? "went through\n" : $@ || "did not go through\n");
		}
		sleep 0.05;
	}
	my $status = $?;
	return ($status == 0, $gw->run->log_text("suite-$id"));
}

my @scenarios = grep { !$ENV{GATEHOUSE_SCENARIO} || /$ENV{GATEHOUSE_SCENARIO}/ } all_scenarios();
cmp_ok(scalar @scenarios, '>', 25, 'the suite has scenarios of the group') if !$ENV{GATEHOUSE_SCENARIO};
for my $scenario (@scenarios) {
	if ($LISTED{$scenario}) {
		note("$scenario is not tried: $LISTED{$scenario}");
		next;
	}
	my ($ok, $log) = run_scenario($scenario);
	if ($WARNED{$scenario}) {
		note("$scenario: $WARNED{$scenario}");
		$ok = $log =~ /Passed: (\d+)\/\1, 0 failed, 1 warnings/ && $log =~ /WARNING.*cimd-client-id-used|cimd-client-id-used.*WARNING/;
	}
	ok($ok, $scenario) or diag $log;
}
my %known = map { $_ => 1 } all_scenarios();
is_deeply([grep { !$known{$_} } sort keys %LISTED, keys %WARNED], [], 'what is listed is there');

done_testing;
