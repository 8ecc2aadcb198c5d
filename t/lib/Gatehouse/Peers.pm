# SPDX-License-Identifier: Apache-2.0
#
# Other people's software at the other ends: the pinned peers of t/peers, and bench/upstream.
#
#	my $everything = Gatehouse::Peers->everything($run);    # server-everything: ->{url}, ->{pid}
#	my $dual = Gatehouse::Peers->server($run, 'dual');      # a server of both eras, or of one: ->{url}
#	my $up = Gatehouse::Peers->upstream($run, DELAY_MS => 200);   # bench/upstream: ->{origin}
#	my $result = Gatehouse::Peers->scenario($run, 'first', generation => 1, url => $url);

package Gatehouse::Peers;

use strict;
use warnings;

use Carp qw(croak);
use File::Copy qw(copy);
use IO::Socket::IP;
use JSON::PP ();

use Gatehouse::Run qw(bin_path free_port read_file top_srcdir wait_until);

# The folder with the peers' node_modules; installs them if need be.
sub cache {
	return $ENV{GATEHOUSE_PEERS} if $ENV{GATEHOUSE_PEERS};
	my $install = top_srcdir() . '/t/peers/install';
	open my $out, '-|', 'sh', $install or croak "$install: $!";
	chomp(my $dir = <$out> // '');
	close $out or croak "$install failed";
	return $ENV{GATEHOUSE_PEERS} = $dir;
}

sub node {
	my ($node) = glob cache() . '/node_modules/node-linux-*/bin/node';
	return $node || croak 'no Node among the peers';
}

# The program NAME of the peers that only --full uses, as a command; nothing where they are not there.
sub full {
	my ($class, $name) = @_;
	my $dir = $ENV{GATEHOUSE_PEERS_FULL} or return;
	return (node(), "$dir/node_modules/.bin/$name");
}

# Our scripts, copied beside the peers' node_modules: modules are looked up from where a script lies.
sub scripts {
	my ($class, $run) = @_;
	my $dir = "$run->{dir}/peers";
	return $dir if -d $dir;
	$run->make_dir('peers');
	for my $from (glob top_srcdir() . '/t/peers/*.mjs') {
		my $to = $dir . '/' . ($from =~ m{([^/]+)$})[0];
		copy($from, $to) or croak "$from: $!";
		$run->give($to);
	}
	symlink cache() . '/node_modules', "$dir/node_modules" or croak "node_modules: $!";
	return $dir;
}

sub everything {
	my ($class, $run, %o) = @_;
	my $dir = $class->scripts($run);
	my $port = free_port();
	my $name = $o{name} || 'everything';
	my $pid = $run->spawn($name, { env => { PORT => $port } }, node(), '--import', "$dir/loopback.mjs",
		cache() . '/node_modules/@modelcontextprotocol/server-everything/dist/index.js', 'streamableHttp');
	wait_until(20, sub { $run->log_text($name) =~ /listening on port/ })
	  or croak 'server-everything does not start: ' . $run->log_text($name);
	return { pid => $pid, port => $port, url => "http://127.0.0.1:$port/mcp", log => sub { $run->log_text($name) } };
}

# t/peers/server.mjs, of ERA (legacy, modern, dual).
sub server {
	my ($class, $run, $era) = @_;
	my $dir = $class->scripts($run);
	my $port = free_port();
	my $pid = $run->spawn("server-$era", { env => {} }, node(), "$dir/server.mjs", $port, $era);
	wait_until(20, sub { $run->log_text("server-$era") =~ /listening/ })
	  or croak "server.mjs does not start: " . $run->log_text("server-$era");
	return { pid => $pid, port => $port, url => "http://127.0.0.1:$port/mcp" };
}

sub upstream {
	my ($class, $run, %env) = @_;
	my $bin = $run->install(bin_path('upstream'));
	my $port = free_port();
	my $pid = $run->spawn('upstream', { env => \%env }, $bin, $port);
	wait_until(5, sub { IO::Socket::IP->new(PeerHost => '127.0.0.1', PeerPort => $port) })
	  or croak 'upstream does not start: ' . $run->log_text('upstream');
	return { pid => $pid, port => $port, origin => "http://127.0.0.1:$port" };
}

# Runs t/peers/scenario.mjs NAME with options as JSON; what it returns, or croaks with what it wrote.
sub scenario {
	my ($class, $run, $name, %o) = @_;
	my $dir = $class->scripts($run);
	my ($status, $output) = $run->command({}, 'timeout', $o{timeout} || 120, node(), "$dir/scenario.mjs", $name,
		JSON::PP->new->utf8->encode(\%o));
	my ($json) = $output =~ /^RESULT (.*)$/m;
	croak "scenario $name failed ($status):\n$output" if $status != 0 || !defined $json;
	return JSON::PP->new->utf8->decode($json);
}

1;
