#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# ./runtests --full: the official conformance suites for servers, at a server with and without the gateway before it. Through
# a route with sign-in, a filter and events, under lighttpd, Apache and nginx, no check may be lost.

use strict;
use warnings;

use JSON::PP ();
use Test::More;

use Gatehouse::Peers;
use Gatehouse::Pg;
use Gatehouse::Run qw(read_file);
use Gatehouse::Server;
use Gatehouse::Token qw(issue);

BAIL_OUT('the peers of t/peers/full are missing: ./runtests --full installs them') if !Gatehouse::Peers->full('conformance');

my $json = JSON::PP->new->utf8;
my $run = Gatehouse::Run->new('peers');
my $server = Gatehouse::Peers->server($run, 'dual');
my $scripts = Gatehouse::Peers->scripts($run);
my $full = "$ENV{GATEHOUSE_PEERS_FULL}/node_modules";
# [name, script, arguments, the checks that it makes of a good server at least]
my @suites = (
	['0.1.16, active', "$full/conformance-0.1/dist/index.js", [], 40],
	['0.2, active', "$full/\@modelcontextprotocol/conformance/dist/index.js", [], 60],
	['0.2, requirements of 2025-11-25', "$full/\@modelcontextprotocol/conformance/dist/index.js", ['--requirements', '2025-11-25'], 80],
	['0.2, all of 2026-07-28', "$full/\@modelcontextprotocol/conformance/dist/index.js", ['--suite', 'all', '--spec-version', '2026-07-28'], 140],
);
my $n = 0;

# The checks of a suite at URL: { "scenario check name number" => status }.
sub checks {
	my ($suite, $url, $token) = @_;
	my (undef, $script, $arguments) = @$suite;
	my $dir = $run->make_dir('conformance' . ++$n);
	my ($origin) = $url =~ m{^(http://[^/]+)};
	my ($status, $output) = $run->command({ env => { TOKEN => $token // "", TOKEN_ORIGIN => $origin } }, 'timeout', 600, Gatehouse::Peers->node, '--import',
		"$scripts/token.mjs", $script, 'server', '--url', $url, @$arguments, '-o', $dir);
	my %found;
	for my $file (glob "$dir/*/checks.json") {
		my ($scenario) = $file =~ m{/(?:server-)?([^/]+?)-\d{4}-\d\d-\d\dT[^/]*/checks\.json$} or next;
		my %seen;
		for my $check (@{ $json->decode(read_file($file)) }) {
			my $id = "$scenario $check->{id}";
			$found{ $id . ' ' . ++$seen{$id} } = $check;
		}
	}
	diag $output if !%found;
	return \%found;
}

my %rank = (SUCCESS => 3, INFO => 2, SKIPPED => 2, WARNING => 1, FAILURE => 0);

sub compare {
	my ($name, $direct, $through) = @_;
	my @lost;
	for my $id (sort keys %$direct) {
		my ($a, $b) = map { $_->{$id} } $direct, $through;
		next if $b && ($rank{ $b->{status} } // 0) >= ($rank{ $a->{status} } // 0);
		push @lost, "$id: $a->{status}, then " . ($b ? "$b->{status} " . ($b->{errorMessage} // '') : 'not made');
	}
	return is_deeply(\@lost, [], "$name: no check is lost");
}

my %direct;
for my $suite (@suites) {
	$direct{ $suite->[0] } = checks($suite, $server->{url});
	my $good = grep { $_->{status} eq 'SUCCESS' } values %{ $direct{ $suite->[0] } };
	cmp_ok($good, '>=', $suite->[3], "$suite->[0]: $good checks hold without the gateway");
}

# A filter that shows everything, item by item: what it does not know is hidden.
my ($tools, $prompts) = map { [read_file("$scripts/server.mjs") =~ /$_/ ? $1 =~ /^\t(\w+): \[/mg : ()] }
  qr/^const tools = \{\n(.*?)^\};/ms, qr/^const prompts = \{\n(.*?)^\};/ms;
for my $web (qw(lighttpd apache-proxy nginx)) {
	my $pg = Gatehouse::Pg->new;
	my $gw = Gatehouse::Server->new(pg => $pg, programs => ['mcp'], web => $web, processes => { mcp => 2 },
		policies => [{ name => 'filter', policyType => 'mcp-capability-filter-inbound', handler => { export => 'X', options => { tools => $tools,
			prompts => $prompts, resources => [map { "test://$_" } qw(static-text static-binary watched-resource nonexistent-resource-for-conformance-testing)],
			resourceTemplates => ['test://template/{id}/data'] } } }],
		routes => { '/mcp/x' => { upstream => $server->{url}, inbound => ['filter'], options => { sse => JSON::PP::true } } });
	my $token = issue($pg, $gw, '/mcp/x', ttl => 3600)->{access_token};
	for my $suite (@suites) {
		compare("$suite->[0], $web", $direct{ $suite->[0] }, checks($suite, $gw->url('/mcp/x'), $token));
	}
	cmp_ok($pg->psql('select count(*) from gatehouse.event_call'), '>', 100, "$web: events were written");
	$gw->stop;
	$pg->stop;
}
$run->stop;
done_testing;
