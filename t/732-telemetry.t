#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# What others read of real calls: OpenTelemetry by its own packages, ECS, OCSF, Prometheus, rsyslog; and what
# none of them may read.

use strict;
use warnings;

use JSON::PP ();
use IO::Socket::INET ();
use Test::More;
use Time::HiRes qw(sleep time);

use Gatehouse::Http qw(request);
use Gatehouse::Peers;
use Gatehouse::Pg;
use Gatehouse::Run qw(find_program free_port wait_until);
use Gatehouse::Server;
use Gatehouse::Sink;
use Gatehouse::Token qw(issue);
use Gatehouse::Upstream;

my $JSON = JSON::PP->new->utf8;
my @canaries = map { "canary-$_-4d1c9a" } qw(argument name result header query rpcid state);
my $up = Gatehouse::Upstream->new(sub {
	my ($c, $r) = @_;
	return $c->reply(202, [], '') if $r->{content} !~ /"id"/;
	return $c->result($r, { content => [{ type => 'text', text => 'for-operators' }] }) if $r->{content} =~ /"recorded"/;
	return $c->result($r, { content => [] }) if $r->{content} =~ /"long"/;
	if ($r->{content} =~ /"streamed"/) {
		$c->begin_stream;
		$c->event($_) for { jsonrpc => '2.0', method => 'notifications/message', params => {} }, { jsonrpc => '2.0', id => 1, result => { content => ['by-stream'] } };
		return $c->end_stream;
	}
	return $c->result($r, { isError => JSON::PP::true, content => [] }) if $r->{content} =~ /"fails"/;
	return $c->result($r, { tools => [{ name => 'reader', inputSchema => {}, annotations => { readOnlyHint => JSON::PP::true } }, { name => 'plain', inputSchema => {} }] }) if $r->{content} =~ /tools\/list/;
	return $c->result($r, { content => [{ type => 'text', text => $canaries[2] }] }, ['X-Result', $canaries[3]]);
});
my $collector = Gatehouse::Sink->new;
my $pg = Gatehouse::Pg->new(private => 1);
my $run = Gatehouse::Run->new('told');
my $out = $run->make_dir('out');
my $syslog_port = free_port();
my @forward = (
	{ name => 'otel', type => 'otlp', url => $collector->url('/'), intervalMs => 100, retryMs => 300 },
	(map { { name => $_, type => 'file', path => "$out/$_", format => $_, intervalMs => 100, include => [qw(calls auth policies audit anchors)] } } qw(ecs ocsf cef)),
	{ name => 'rsyslog', type => 'syslog', transport => 'tcp', address => "127.0.0.1:$syslog_port", intervalMs => 100, retryMs => 300 },
);
my $gw = Gatehouse::Server->new(pg => $pg, programs => [qw(consent mcp)], processes => { mcp => 2, consent => 2 },
	gateway => { events => { forward => \@forward, metrics => { tokenFile => 'metrics-token' } } },
	policies => [{ name => 'mask', policyType => 'data-loss-prevention-inbound', handler => { export => 'X', options => { entities => ['finance'] } } },
		{ name => 'refuse', policyType => 'data-loss-prevention-inbound', handler => { export => 'X', options => { entities => ['finance'], action => 'block' } } }],
	routes => { '/mcp/one' => { upstream => $up->url('/mcp') },
		(map { ("/mcp/$_->[0]" => { upstream => $up->url('/mcp'), inbound => [$_->[1]], options => { recordArguments => JSON::PP::true, recordResults => JSON::PP::true } }) } ['masks', 'mask'], ['blocks', 'refuse']) });
$gw->write_file('metrics-token', "token-for-prometheus\n");
my $token = issue($pg, $gw, '/mcp/one');
ok(wait_until(20, sub { $pg->psql("select count(*) from gatehouse.event_destination where name > ''") == 5 }), 'five destinations wait for what comes')
    or diag $gw->log('consent');

# rsyslog as an ordinary user, which appends what it gets
my $rsyslog;
sub start_rsyslog {
	Gatehouse::Run::write_file("$out/rsyslog.conf", <<"CONF");
global(workDirectory="$out" maxMessageSize="64k")
module(load="imtcp")
input(type="imtcp" address="127.0.0.1" port="$syslog_port")
template(name="whole" type="string" string="%rawmsg%\\n")
action(type="omfile" file="$out/syslog" template="whole" fileCreateMode="0644")
CONF
	$rsyslog = fork // die $!;
	if (!$rsyslog) {
		open STDERR, '>>', "$out/rsyslog.err";
		exec 'setpriv', '--pdeathsig', 'KILL', find_program('rsyslogd'), '-n', '-C', '-f', "$out/rsyslog.conf", '-i', "$out/rsyslog.pid";
	}
	return wait_until(20, sub { IO::Socket::INET->new(PeerAddr => "127.0.0.1:$syslog_port") });
}

sub call {
	my ($message, @headers) = @_;
	return request('POST', $gw->url('/mcp/one?q=' . $canaries[4]), { headers => [['Content-Type', 'application/json'], ['Accept', 'application/json, text/event-stream'],
		['Authorization', "Bearer $token->{access_token}"], ['X-Canary', $canaries[3]], @headers], content => $JSON->encode($message) });
}
my $n = 0;
sub tool {
	my ($name, %o) = @_;
	return call({ jsonrpc => '2.0', id => $o{id} // ++$n, method => 'tools/call', params => { name => $name,
		arguments => { $canaries[1] => $canaries[0] }, ($o{meta} ? (_meta => $o{meta}) : ()) } }, @{ $o{headers} || [] });
}
sub posts { my ($path) = @_; return map { $JSON->decode($_->{body}) } grep { $_->{path} eq $path && $_->{status} == 200 } $collector->requests }
sub spans { return map { @{ $_->{spans} } } map { @{ $_->{scopeSpans} } } map { @{ $_->{resourceSpans} } } posts('/v1/traces') }
sub records { return map { @{ $_->{logRecords} } } map { @{ $_->{scopeLogs} } } map { @{ $_->{resourceLogs} } } posts('/v1/logs') }
sub metrics { return map { @{ $_->{metrics} } } map { @{ $_->{scopeMetrics} } } map { @{ $_->{resourceMetrics} } } posts('/v1/metrics') }
sub attributes { return { map { $_->{key} => (values %{ $_->{value} })[0] } @{ $_[0]{attributes} } } }
sub slurp { open my $in, '<', $_[0] or return ''; local $/; return <$in> // '' }

ok(start_rsyslog(), 'rsyslog listens') or diag slurp("$out/rsyslog.err");
my ($trace, $span, $http) = ('0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331', '00-1af7651916cd43dd8448eb211c80319d-c7ad6b7169203332-00');
is(tool('plain')->{status}, 200, 'a call');
tool('traced', meta => { traceparent => "00-$trace-$span-01", tracestate => 'm=1', progressToken => 'as it was' }, headers => [['traceparent', $http], ['tracestate', 'h=1']]);
tool('by-http', headers => [['traceparent', $http], ['tracestate', 'h=1']]);
tool('broken', meta => { traceparent => "00-$trace-$span-zz" });
tool('fails');
call({ jsonrpc => '2.0', id => 'list', method => 'tools/list' });
ok(wait_until(20, sub { $pg->psql("select does from gatehouse.tool_listed where name = 'reader'") eq 'read' }), 'what a tool says that it does is known');
tool('reader');
tool('secret-id', id => "$canaries[5] with blanks", headers => [['tracestate', "x=$canaries[6]"], ['baggage', "y=$canaries[6]"]]);
$pg->psql("select gatehouse.audit_add('user_revoked', 'gatehousectl:me', 'subject:somebody', null, 'trace', '{}')");
call({ jsonrpc => '2.0', id => 'word', method => 'resources/read', params => { uri => "https://user:$canaries[0]\@files.example/a?key=$canaries[4]#$canaries[4]" } });
request('POST', $gw->url('/mcp/one'), { headers => [['Content-Type', 'application/json'], ['Authorization', "Bearer $canaries[0]"]], content => '{"jsonrpc":"2.0","id":1,"method":"tools/list"}' });
ok(wait_until(30, sub { (grep { $_->{kind} == 2 } spans()) >= 8 && metrics() && records() >= 8 }), 'the collector gets them') or diag $gw->log('consent');

# ---- the published definitions: every body is read by OpenTelemetry's own messages, and says what the events say ----

Gatehouse::Run::write_file("$out/bodies", join '', map { $JSON->encode({ path => $_->{path}, body => $_->{body} }) . "\n" } grep { $_->{status} == 200 } $collector->requests);
my $scripts = Gatehouse::Peers->scripts($run);
my ($status, $understood) = $run->command({}, 'sh', '-c', 'exec "$0" "$1" <"$2"', Gatehouse::Peers::node(), "$scripts/otlp.mjs", "$out/bodies");
is($status, 0, 'OpenTelemetry reads what was sent') or diag $understood;
my @read = map { $JSON->decode($_) } grep { /^\{/ } split /\n/, $understood;
for my $path (qw(/v1/traces /v1/logs /v1/metrics)) {
	my @of = grep { ($_->{path} // '') eq $path } @read;
	my @faults = map { @{ $_->{faults} } } @of;
	cmp_ok(scalar @of, '>', 0, "$path: there are bodies");
	is(scalar @faults, 0, '... of which every member is one of its messages, and means what it meant') or diag join "\n", @faults[0 .. ($#faults > 5 ? 5 : $#faults)];
}
is(scalar(grep { !$_->{path} } @read), 0, '... and none is left') or diag map { @{ $_->{faults} } } @read;
my @row_names = qw(id start took up method name route upstream outcome subject client ip address port status code reason);
my %row = map { my %r; @r{@row_names} = split /\|/, $_, -1; ($r{id} => \%r) } split /\n/, $pg->psql(q{select event_id, (extract(epoch from at) * 1000000)::bigint, latency_us, upstream_us, mcp_method,
	capability_name, operation_id, upstream_id, outcome, subject_id, client_id, client_ip, server_address, server_port, mcp_status, jsonrpc_error_code, error_type from gatehouse.event_call});
my ($compared, @wrong) = (0);
my $compare = sub { my ($what, $got, $want) = @_; $compared++; push @wrong, "$what: '" . ($got // '') . "', not '" . ($want // '') . "'" if ($got // '') ne ($want // '') };
sub decoded { my ($path, @names) = @_; my @list = map { $_->{decoded} } grep { $_->{path} eq $path } @read; for my $n (@names) { @list = map { @{ $_->{$n} } } @list } return @list }
for my $span (decoded('/v1/traces', qw(resourceSpans scopeSpans spans))) {
	my $a = attributes($span);
	my $r = $row{ $a->{'gatehouse.event.id'} } or next;
	my ($id, $is_client) = ($r->{id} =~ s/-//gr, $span->{kind} == 3);
	$compare->('spanId', $span->{spanId}, substr $id, $is_client ? 16 : 0, 16);
	$compare->('kind', $span->{kind}, $span->{parentSpanId} && $span->{parentSpanId} eq substr($id, 0, 16) ? 3 : 2);
	$compare->('endTimeUnixNano', $span->{endTimeUnixNano}, ($r->{start} + $r->{took}) . '000');
	$compare->('startTimeUnixNano', $span->{startTimeUnixNano}, ($is_client ? $r->{start} + $r->{took} - $r->{up} : $r->{start}) . '000');
	$compare->('gatehouse.route', $a->{'gatehouse.route'}, $r->{route});
	$compare->('gatehouse.upstream', $a->{'gatehouse.upstream'}, $r->{upstream});
	$compare->('gatehouse.outcome', $a->{'gatehouse.outcome'}, $r->{outcome});
	$compare->('mcp.method.name', $a->{'mcp.method.name'}, $r->{method});
	$compare->('http.response.status_code', $a->{'http.response.status_code'}, $r->{status});
	$compare->('status.code', $span->{status}{code}, $r->{outcome} eq 'success' ? 0 : 2);
	$compare->('error.type', $a->{'error.type'}, $r->{reason}) if $r->{outcome} ne 'success';
	$compare->('gen_ai.tool.name', $a->{'gen_ai.tool.name'}, $r->{name}) if ($r->{method} // '') eq 'tools/call';
	$compare->('server', join(':', map { $a->{$_} // '' } qw(server.address server.port)), "$r->{address}:$r->{port}") if $is_client;
	$compare->('client', join(' ', map { $a->{$_} // '' } qw(client.address user.id gatehouse.client.id)), "$r->{ip} $r->{subject} $r->{client}") if !$is_client;
}
for my $record (decoded('/v1/logs', qw(resourceLogs scopeLogs logRecords))) {
	my $a = attributes($record);
	my $r = $row{ $a->{'gatehouse.event.id'} } or next;
	$compare->('timeUnixNano', $record->{timeUnixNano}, "$r->{start}000");
	$compare->('log spanId', $record->{spanId}, substr $r->{id} =~ s/-//gr, 0, 16);
	$compare->('log body', $record->{body}{stringValue}, $r->{method} || 'POST');
	$compare->('log outcome', $a->{'gatehouse.outcome'}, $r->{outcome});
}
cmp_ok($compared, '>', 100, 'spans and records were compared with the events') or diag $compared;
is(scalar @wrong, 0, '... and say the same') or diag join "\n", @wrong[0 .. ($#wrong > 5 ? 5 : $#wrong)];
my (@want, @got, $seconds, $us) = ((0) x 15);
for my $r (grep { my $id = $_->{id}; grep { index($_->{body}, $id) >= 0 } grep { $_->{path} eq '/v1/traces' } $collector->requests } values %row) {
	my $i = grep { $r->{took} > $_ * 1e6 } 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300;
	$want[$i]++;
	$us += $r->{took};
}
# (spans and numbers come each in their own time)
wait_until(30, sub {
	(@got, $seconds) = ();
	for my $point (map { @{ $_->{histogram}{dataPoints} } } grep { $_->{name} eq 'mcp.server.operation.duration' } decoded('/v1/metrics', qw(resourceMetrics scopeMetrics metrics))) {
		$got[$_] += $point->{bucketCounts}[$_] for 0 .. 14;
		$seconds += $point->{sum};
	}
	return "@got" eq "@want";
});
is_deeply(\@got, \@want, 'the histograms have each call in its bucket');
cmp_ok(abs($seconds - $us / 1e6), '<', 0.001, '... and their sum is the time that they took');

# ---- spans ----

my %server = map { $_->{name} => $_ } grep { $_->{kind} == 2 } spans();
my %client = map { $_->{name} => $_ } grep { $_->{kind} == 3 } spans();
my $s = $server{'tools/call traced'};
is($s->{traceId}, $trace, 'a span belongs to the trace of params._meta');
is($s->{parentSpanId}, $span, '... below its caller');
is_deeply($s->{links}, [{ traceId => substr($http, 3, 32), spanId => substr($http, 36, 16) }], '... with the context of HTTP as a link');
my $c = $client{'tools/call traced'};
is("$c->{traceId} $c->{parentSpanId}", "$trace $s->{spanId}", 'the call to the upstream is a span below it');
cmp_ok($c->{startTimeUnixNano}, '>=', $s->{startTimeUnixNano}, '... which begins later');
is(attributes($c)->{'server.port'}, $up->port, '... to the upstream');
is($server{'tools/call by-http'}{traceId}, substr($http, 3, 32), 'without _meta the context of HTTP counts');
ok(!$server{'tools/call by-http'}{links}, '... and is no link');
isnt($server{'tools/call broken'}{traceId}, $trace, 'a context that is none begins a trace of its own');
my $a = attributes($server{'tools/call plain'});
is_deeply([@$a{qw(mcp.method.name gen_ai.tool.name gen_ai.operation.name jsonrpc.request.id gatehouse.route)}], ['tools/call', 'plain', 'execute_tool', 1, $a->{'gatehouse.route'}],
	'a span has the attributes of the conventions');
ok(!exists $a->{'error.type'}, '... and no error where there is none');
$a = attributes($server{'tools/call fails'});
is($a->{'error.type'}, 'tool_error', 'a tool that says it failed is an error');
is($server{'tools/call fails'}{status}{code}, 2, '... of the span');
ok(!exists attributes($server{'tools/call secret-id'})->{'jsonrpc.request.id'}, 'an id that may hold anything is not told');
my ($denied) = grep { (attributes($_)->{'gatehouse.outcome'} // '') eq 'denied' } values %server;
ok($denied, 'a call that is refused is a span, too');
is(scalar(grep { $_->{parentSpanId} eq $denied->{spanId} } values %client), 0, '... without one to the upstream');
my ($h) = grep { $_->{name} eq 'mcp.server.operation.duration' } metrics();
is_deeply($h->{histogram}{dataPoints}[0]{explicitBounds}, [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300], 'histograms have the recommended edges');
my $total = 0;
$total += $_->{count} for map { @{ $_->{histogram}{dataPoints} } } grep { $_->{name} eq 'mcp.server.operation.duration' } metrics();
is($total, scalar(grep { $_->{kind} == 2 } spans()), '... and count each call once');

# ---- what the upstream is told: our span is its caller's ----

my %sent = map { my $m = $JSON->decode($_->{content}); (($m->{params}{name} // '') => { %$_, message => $m }) } grep { $_->{content} =~ /tools.call/ } $up->requests;
my $told = sub { my ($name, $where) = @_; return $where ? $sent{$name}{message}{params}{_meta}{$where} : $sent{$name}{header}{traceparent} };
is($told->('traced'), "00-$trace-$c->{spanId}-01", 'the upstream is below our span to it, in the trace of the message');
is($told->('traced', 'traceparent'), "00-$trace-$c->{spanId}-01", '... in its _meta, too');
is($sent{traced}{header}{tracestate}, 'm=1', '... with the state that belongs to it, not that of HTTP');
is($told->('traced', 'progressToken'), 'as it was', '... and all else as it was');
is($told->('by-http'), join('-', '00', substr($http, 3, 32), $client{'tools/call by-http'}{spanId}, '00'), 'with the context of HTTP alone likewise, and not sampled if that is not');
is($sent{'by-http'}{header}{tracestate}, 'h=1', '... with its state');
ok(!$told->('by-http', 'traceparent'), '... and the message as it came');
my $first = $client{'tools/call plain'};
is($told->('plain'), "00-$first->{traceId}-$first->{spanId}-01", 'without a context the upstream is in our trace');
is($told->('broken'), join('-', '00', $client{'tools/call broken'}{traceId}, $client{'tools/call broken'}{spanId}, '01'), '... nor does a broken one lead it elsewhere');
ok(!exists $sent{'secret-id'}{header}{tracestate}, 'a state without its parent goes nowhere');

# ---- a collector that refuses ----

$collector->answers(200, '{"partialSuccess":{"rejectedSpans":"1","errorMessage":"not today"}}');
tool('partly');
ok(wait_until(20, sub { $gw->log('consent') =~ /"message":"a collector refused a part".*not today/ }), 'a part that is refused is said');
sleep 1;
is(scalar(grep { $_->{body} =~ /call partly/ && $_->{path} eq '/v1/traces' } $collector->requests), 1, '... and not sent again');
$collector->answers(503, 'Retry-After: 1');
tool('again');
my $tries = sub { return scalar grep { $_->{body} =~ /call again/ } $collector->requests };
ok(wait_until(20, sub { $tries->() >= 2 }), '503 is tried again');
$collector->answers(200);
ok(wait_until(20, sub { grep { $_->{name} eq 'tools/call again' } spans() }), '... until it is taken');
$collector->answers(400);
tool('never');
ok(wait_until(20, sub { $gw->log('consent') =~ /"message":"a destination refuses events for good","destination":"otel"/ }), '400 is final');
$collector->answers(200);
tool('after');
ok(wait_until(20, sub { grep { $_->{name} eq 'tools/call after' } spans() }), '... and what comes later goes on');
is(scalar(grep { $_->{name} eq 'tools/call never' } spans()), 0, '... without it');

# ---- forms ----

my @calls = $pg->psql('select event_id from gatehouse.event_call') =~ /(\S+)/g;
ok(wait_until(20, sub { my $t = slurp("$out/ecs"); !grep { index($t, $_) < 0 } @calls }), 'every call is told in ECS');
my ($ecs) = grep { $_->{gatehouse}{capability} && $_->{gatehouse}{capability} eq 'fails' } map { $JSON->decode($_) } split /\n/, slurp("$out/ecs");
is_deeply([$ecs->{event}{category}, $ecs->{event}{type}, $ecs->{event}{outcome}, $ecs->{error}{type}], [['api'], ['access'], 'failure', 'tool_error'], 'ECS has its words for it');
ok(wait_until(20, sub { $pg->psql('select count(*) from gatehouse.audit_unsealed') == 0 }), '(all is sealed)');
$pg->psql('select gatehouse.audit_anchor((select max(seal_no) from gatehouse.audit_seal))');
ok(wait_until(20, sub { slurp("$out/ocsf") =~ /audit_anchor/ && slurp("$out/ocsf") =~ /user_revoked/ }), 'the audit trail is told as well');
my @ocsf = map { $JSON->decode($_) } split /\n/, slurp("$out/ocsf");
my ($ocsf) = grep { ($_->{resources}[0]{name} // '') eq 'fails' } @ocsf;
is("$ocsf->{class_uid} $ocsf->{type_uid} $ocsf->{status_id}", '6003 600399 2', 'OCSF has its class');
is((grep { ($_->{resources}[0]{name} // '') eq 'reader' } @ocsf)[0]{type_uid}, 600302, '... with what the tool says that it does');
is($ocsf->{metadata}{uid}, $ecs->{event}{id}, '... and the same id');
my ($read) = grep { ($_->{api}{operation} // '') eq 'resources/read' } @ocsf;
is("$read->{activity_id} $read->{resources}[0]{name}", '2 https://files.example/a', '... reading is reading; of an address only what is no secret');
my ($administration) = grep { ($_->{comment} // '') eq 'user_revoked' } @ocsf;
is("$administration->{type_uid} $administration->{entity}{type} $administration->{actor}{user}{uid}", '300404 subject gatehousectl:me', 'administration has its class');
ok((grep { ($_->{comment} // '') eq 'audit_anchor' && $_->{unmapped}{detail}{anchor} =~ /^\d+:[0-9a-f]{64}$/ } @ocsf), '... and who asks for anchors gets them');
like(slurp("$out/cef"), qr/^CEF:0\|Gatehouse\|gatehouse\|[^|]+\|tools\/call\|call tools\/call\|4\|rt=\d{13} externalId=\Q$ecs->{event}{id}\E /m, 'CEF has it, too');

# ---- Prometheus ----

my $r;
ok(wait_until(20, sub { ($r = request('GET', $gw->url('/metrics')))->{content} =~ /capability="fails"/ }), '(the calls are counted)');
is($r->{status}, 200, 'a monitor on this machine reads /metrics');
my $promtool = find_program('promtool');
my $pid = open my $check, '|-', "$promtool check metrics > $out/promtool 2>&1" or die $!;
print $check $r->{content};
ok(close($check), 'promtool finds no fault in it') or diag slurp("$out/promtool");
my ($count) = $r->{content} =~ /^gatehouse_calls_total\{route="[^"]+",upstream="[^"]+",capability="fails",method="tools\/call",outcome="application_error",origin="upstream"\} (\d+)$/m;
is($count, 1, 'a counter has the labels of a call') or diag $r->{content};
sub timed { my $sum = 0; $sum += $_ for request('GET', $gw->url('/metrics'))->{content} =~ /^gatehouse_call_duration_seconds_count\{[^}]*\} (\d+)$/mg; return $sum }
ok(wait_until(20, sub { timed() == @calls }), '... and the histogram all of them') or diag timed() . ' of ' . @calls;
like($r->{content}, qr/^gatehouse_events_dropped_total\{destination="otel"\} [1-9]/m, 'what a destination refused is counted');
unlike($r->{content}, qr/\Q$token->{subject}\E|client=|user=/, 'nobody is named') if $token->{subject};
for my $i (1 .. 400) { $pg->psql("select gatehouse.metrics_step(100)") if $i == 1; tool("made-up-$i") }
my $made_up = sub { my %seen = map { $_ => 1 } request('GET', $gw->url('/metrics'))->{content} =~ /capability="([^"]+)"/g; return scalar keys %seen };
ok(wait_until(30, sub { $pg->psql("select sum(n) from gatehouse.metric_call") >= 412 && $made_up->() > 100 }), 'many names are called');
cmp_ok($made_up->(), '<=', 301, '... and the labels stay bounded');
like(request('GET', $gw->url('/metrics'))->{content}, qr/capability="other"/, '... the rest is "other"');
my @stranger = ([['X-Forwarded-For', '192.0.2.7']]);
is(request('GET', $gw->url('/metrics'), { headers => @stranger })->{status}, 404, 'for a stranger there is nothing');
is(request('GET', $gw->url('/metrics'), { headers => [['X-Forwarded-For', '192.0.2.7'], ['Authorization', 'Bearer token-for-prometheu']] })->{status}, 404, '... nor with another token');
is(request('GET', $gw->url('/metrics'), { headers => [['X-Forwarded-For', '192.0.2.7'], ['Authorization', 'Bearer token-for-prometheus']] })->{status}, 200, 'who has the token may');

# ---- a route that wants its arguments and results told ----

sub recorded {
	my ($route, $name, $arguments) = @_;
	my $t = issue($pg, $gw, "/mcp/$route");
	return request('POST', $gw->url("/mcp/$route"), { headers => [['Content-Type', 'application/json'], ['Accept', 'application/json, text/event-stream'], ['Authorization', "Bearer $t->{access_token}"]],
		content => $JSON->encode({ jsonrpc => '2.0', id => 1, method => 'tools/call', params => { name => $name, arguments => $arguments } }) });
}
recorded('masks', 'recorded', { card => '4111 1111 1111 1111', note => 'told-to-operators' });
recorded('masks', 'streamed', { note => 'x' });
recorded('masks', 'long', { note => "\x{e9}" x 5000 });
is(recorded('blocks', 'refused', { card => '4111 1111 1111 1111' })->{status}, 422, '(one is refused)');
my %told_in;
ok(wait_until(20, sub { %told_in = map { (attributes($_)->{'gen_ai.tool.name'} // '') => attributes($_) } grep { $_->{kind} == 2 } spans(); $told_in{refused} && $told_in{long} }), 'the collector gets them');
is_deeply($JSON->decode($told_in{recorded}{'gen_ai.tool.call.arguments'}), { card => '[REDACTED]', note => 'told-to-operators' }, 'arguments are told as the upstream got them');
like($told_in{recorded}{'gen_ai.tool.call.result'}, qr/^\{"content":\[\{.*"for-operators"/, '... and the result');
is($told_in{streamed}{'gen_ai.tool.call.result'}, '{"content":["by-stream"]}', '... of a stream as well');
is(length $told_in{long}{'gen_ai.tool.call.arguments'}, 2052, 'what is long is cut between characters');
ok(!exists $told_in{refused}{'gen_ai.tool.call.arguments'}, 'of what a policy refused nothing is told');
is($pg->psql("select count(*) from gatehouse.event_call where (arguments is not null or result is not null) and operation_id not like '%masks%'"), 0, '... and nothing of other routes');
unlike($gw->log, qr/told-to-operators|for-operators|by-stream/, 'the log has none of it');

# ---- rsyslog through a restart ----

sub logged { my %seen; return grep { !$seen{$_}++ } slurp("$out/syslog") =~ /"eventId":"([0-9a-f-]{36})"/g }
ok(wait_until(30, sub { my %l = map { $_ => 1 } logged(); !grep { !$l{$_} } @calls }), 'rsyslog has every call') or diag slurp("$out/rsyslog.err"), $gw->log('consent');
like(slurp("$out/syslog"), qr/^<134>1 \d{4}-\d\d-\d\dT\S+Z \S+ gatehouse mcp tools\/call - \{"time":/m, '... as RFC 5424 has it');
for my $round (1 .. 3) {
	tool("round-$round-$_") for 1 .. 10;
	kill TERM => $rsyslog;
	waitpid $rsyslog, 0;
	tool("down-$round-$_") for 1 .. 5;
	start_rsyslog();
}
@calls = $pg->psql('select c.event_id from gatehouse.event_call c join gatehouse.event_queue q using (batch) order by q.tx, q.batch, c.at, c.event_id') =~ /(\S+)/g;
ok(wait_until(40, sub { @calls = $pg->psql('select c.event_id from gatehouse.event_call c join gatehouse.event_queue q using (batch) order by q.tx, q.batch, c.at, c.event_id') =~ /(\S+)/g;
	my %l = map { $_ => 1 } logged(); @calls > 55 && !grep { !$l{$_} } @calls }), 'through restarts nothing is lost');
my %is_call = map { $_ => 1 } @calls;
is_deeply([grep { $is_call{$_} } logged()], \@calls, '... and the order stays');
kill TERM => $rsyslog;
waitpid $rsyslog, 0;

# ---- what nobody may read ----

my $all = join "\n", $gw->log, (map { $_->{body} } $collector->requests), (map { slurp("$out/$_") } qw(ecs ocsf cef syslog)),
    request('GET', $gw->url('/metrics'))->{content};
my $token_text = $token->{access_token};
for my $canary (@canaries, $token_text, 'token-for-prometheus') {
	my @hits = $all =~ /(.{0,80}\Q$canary\E.{0,40})/g;
	is(scalar @hits, 0, "'$canary' is told nowhere") or diag $hits[0];
}
$gw->stop;
$pg->stop;
done_testing();
