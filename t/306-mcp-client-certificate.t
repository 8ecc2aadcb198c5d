#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# mtlsCertificate: each route shows the upstream its own certificate, or none; a file that is
# missing closes the route.

use strict;
use warnings;

use Test::More;

use Gatehouse::Certificates;
use Gatehouse::Http qw(request);
use Gatehouse::Peers;
use Gatehouse::Pg;
use Gatehouse::Run qw(free_port wait_until);
use Gatehouse::Server;

my $pg = Gatehouse::Pg->new;
my $port = free_port();
my %route = (upstream => "https://127.0.0.1:$port/mcp", public => 1);
my %outbound = (caFile => 'certs/ca.pem', certificates => {
	(map { $_ => { cert => "certs/$_.pem", key => "certs/$_.key" } } qw(alice bob)),
	lost => { cert => 'certs/nowhere.pem', key => 'certs/nowhere.key' } });
my $gw = Gatehouse::Server->new(pg => $pg, programs => [], gateway => { outbound => \%outbound }, routes => {
	(map { ("/mcp/$_" => { %route, options => { mtlsCertificate => $_ } }) } qw(alice bob lost)),
	'/mcp/none' => {%route},
});
my $run = $gw->run;
my $dir = $run->make_dir('project/certs');
my $made = Gatehouse::Certificates->new($run, $dir);
$made->authority('ca');
$made->certificate($_, 'ca', 'IP:127.0.0.1') for qw(server alice bob);
$run->spawn('mtls', { env => { PORT => $port, DIR => $dir } }, Gatehouse::Peers->node,
	Gatehouse::Peers->scripts($run) . '/mtls.mjs');
ok(wait_until(20, sub { $run->log_text('mtls') =~ /listening/ }), 'an upstream wants certificates')
  or diag $run->log_text('mtls');
$gw->start_program('mcp');

sub call {
	return request('POST', $gw->url("/mcp/$_[0]"), { headers => [['Content-Type', 'application/json'],
		['Accept', 'application/json, text/event-stream']],
		content => '{"jsonrpc":"2.0","id":1,"method":"tools/list"}' });
}

for my $name (qw(alice bob alice)) {    # the same handles and connections serve all
	my $r = call($name);
	is($r->{status}, 200, "the route of $name is let in");
	is(eval { $r->json->{result}{subject} }, $name, '... as itself');
}
my $none = call('none');
is($none->{status}, 502, 'a route without a certificate is not');
like($none->{content}, qr/-32603/, '... which is told as an error of the upstream');
my $lost = call('lost');
is($lost->{status}, 500, 'a certificate that cannot be read closes its route');
like($lost->{content}, qr/configuration/, '... as an error of the configuration');
my ($status, $text) = $gw->ctl('check', $gw->project);
is($status, 1, 'check finds it');
like($text, qr/a file of this client certificate cannot be read/, '... and says what');

$gw->stop;
done_testing();
