# SPDX-License-Identifier: Apache-2.0
package Gatehouse::Sink;

# A receiver of webhooks and of OTLP: an HTTP server on a loopback port that keeps every request and answers as it
# is told.
#
#	my $sink = Gatehouse::Sink->new;
#	$sink->url;                               # http://127.0.0.1:PORT
#	$sink->answers(503, 'Retry-After: 1');    # from now on; answers(200) again
#	Gatehouse::Sink->new(forgets => 1);       # keeps none of them, but the connection of one sender: a fast one
#	$sink->requests;                          # ({ path, headers, body, status }, ...)

use strict;
use warnings;

use File::Temp ();
use IO::Socket::INET ();
use JSON::PP ();
use POSIX ();

my $JSON = JSON::PP->new->utf8;

sub new {
	my ($class, %o) = @_;
	my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 64, ReuseAddr => 1) or die "listen: $!";
	my $dir = File::Temp::tempdir('gh-sink-XXXXXX', TMPDIR => 1, CLEANUP => 1);
	my $self = bless { port => $socket->sockport, dir => $dir, owner => $$ }, $class;

	$self->answers(200);
	$self->{pid} = fork // die "fork: $!";
	if (!$self->{pid}) {
		$SIG{$_} = 'DEFAULT' for qw(TERM INT HUP);
		$SIG{PIPE} = 'IGNORE';
		while (my $peer = $socket->accept) {
			while (_serve($dir, $peer, $o{forgets})) { }
			close $peer;
		}
		POSIX::_exit(0);
	}
	return $self;
}

sub port { return $_[0]{port} }
sub url { return "http://127.0.0.1:$_[0]{port}" . ($_[1] // '') }

sub answers {
	my ($self, $status, @headers) = @_;
	my $body = @headers && $headers[-1] =~ /^[{\[]/ ? pop @headers : '{}';
	_write("$self->{dir}/plan", $JSON->encode([$status, \@headers, $body]));
	return;
}

sub requests {
	my ($self) = @_;
	open my $in, '<', "$self->{dir}/log" or return ();
	seek $in, $self->{read} || 0, 0;    # tests ask again and again, and JSON::PP is slow
	while (defined(my $line = <$in>)) {
		last if $line !~ /\n\z/;
		push @{ $self->{requests} }, $JSON->decode($line);
		$self->{read} = tell $in;
	}
	return @{ $self->{requests} || [] };
}

sub stop {
	my ($self) = @_;
	my $pid = delete $self->{pid} or return;
	kill TERM => $pid;
	waitpid $pid, 0;
	return;
}

sub DESTROY {
	my ($self) = @_;
	local ($@, $?, $!);
	$self->stop if $self->{owner} == $$;
	return;
}

# One that is read meanwhile is the old one or the new one.
sub _write {
	my ($file, $text) = @_;
	open my $out, '>', "$file.new" or die "$file: $!";
	print $out $text;
	close $out or die $!;
	rename "$file.new", $file or die $!;
	return;
}

# One request; whether there may be another.
sub _serve {
	my ($dir, $peer, $forgets) = @_;
	local $SIG{ALRM} = sub { die "slow\n" };
	my $ok = eval {
		alarm 10 unless $forgets;
		my $line = <$peer> // die "nothing\n";
		alarm 10;
		my ($method, $path) = $line =~ /^(\S+) (\S+)/;
		my %headers;
		while (defined($line = <$peer>) && $line =~ /\S/) {
			$headers{ lc $1 } = $2 if $line =~ /^([^:]+):\s*(.*?)\r?\n\z/;
		}
		my $body = '';
		my $left = $headers{'content-length'} || 0;
		while ($left > 0) {
			my $n = read $peer, $body, $left, length $body or die "cut off\n";
			$left -= $n;
		}
		open my $in, '<', "$dir/plan" or die $!;
		my ($status, $more, $answer) = @{ $JSON->decode(do { local $/; <$in> }) };
		if (!$forgets) {
			open my $log, '>>', "$dir/log" or die $!;
			print $log $JSON->encode({ path => $path, method => $method, headers => \%headers, body => $body, status => $status }), "\n";
			close $log;
		}
		print $peer "HTTP/1.1 $status X\r\nContent-Type: application/json\r\n", $forgets ? () : "Connection: close\r\n",
		    (map { "$_\r\n" } @$more), 'Content-Length: ', length $answer, "\r\n\r\n$answer";
		$peer->flush;
		1;
	};
	alarm 0;
	return $ok && $forgets;
}

1;
