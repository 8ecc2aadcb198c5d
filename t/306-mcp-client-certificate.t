#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# mtlsCertificate: each route shows the upstream its own certificate, or none; a file that is
# missing closes the route.

use strict;
use warnings;

use Test::More;

use Gatehouse::Http qw(request);
use Gatehouse::Peers;
use Gatehouse::Pg;
use Gatehouse::Run qw(find_program free_port wait_until);
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
my $openssl = find_program('openssl');

sub openssl {
	my ($status, $output) = $run->command({ cwd => $dir }, $openssl, @_);
	die "openssl @_: $output" if $status != 0;
	return;
}

my @key = qw(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes);
openssl('req', '-x509', @key, qw(-keyout ca.key -out ca.pem -days 2 -subj /CN=test));
for my $name (qw(server alice bob)) {
	Gatehouse::Run::write_file("$dir/$name.ext", "subjectAltName=IP:127.0.0.1\n");
	$run->give("$dir/$name.ext");
	openssl('req', @key, '-keyout', "$name.key", '-out', "$name.csr", '-subj', "/CN=$name");
	openssl(qw(x509 -req -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -in), "$name.csr", '-out', "$name.pem",
		'-extfile', "$name.ext");
}
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
