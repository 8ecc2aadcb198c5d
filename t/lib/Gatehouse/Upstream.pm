# SPDX-License-Identifier: Apache-2.0
#
# An MCP server that does what a test says: the test gives a handler, which writes each answer
# byte by byte. Every connection is served by a process of its own; what was received is kept.
#
#	my $up = Gatehouse::Upstream->new(sub {
#		my ($c, $request) = @_;               # { method, target, path, query, headers, header, content, n, connection }
#		return $c->json(200, { jsonrpc => '2.0', id => 1, result => {} }) if $request->{path} eq '/mcp';
#		$c->write("HTTP/1.1 200 OK\r\n...");  # anything at all
#		return 0;                             # false: closes the connection
#	});
#	$up->url('/mcp'); $up->port;
#	$up->requests;                            # what came, oldest first
#	$up->wait_for(sub { grep { $_->{closed} } $up->notes });
#
# greeting => BYTES is sent before any request is read. $c->note(name => value) leaves a note for the test; $c->wait_file(NAME) holds the answer until the
# test says $up->release(NAME): order, not time.

package Gatehouse::Upstream;

use strict;
use warnings;

use Carp qw(croak);
use Errno qw(EINTR);
use Fcntl qw(:flock);
use File::Temp ();
use IO::Socket::INET;
use JSON::PP ();
use POSIX ();
use Scalar::Util qw(weaken);
use Time::HiRes qw(sleep time);

my @all;
my $JSON = JSON::PP->new->canonical->latin1;

sub new {
	my ($class, $handler, %o) = @_;
	my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $o{port} || 0, Listen => 1024,
		ReuseAddr => 1) or croak "cannot listen: $!";
	my $self = bless { owner => $$, port => $listener->sockport, handler => $handler, greeting => $o{greeting},
		dir => File::Temp::tempdir('gh-up-XXXXXX', TMPDIR => 1, CLEANUP => 1) }, $class;
	my $pid = fork;
	croak "fork: $!" if !defined $pid;
	if (!$pid) {
		$SIG{TERM} = $SIG{INT} = 'DEFAULT';
		$self->{owner} = 0;
		eval { $self->_accept($listener); 1 } or warn $@;
		POSIX::_exit(0);
	}
	close $listener;
	$self->{pid} = $pid;
	push @all, $self;
	weaken($all[-1]);
	return $self;
}

sub port { return $_[0]{port} }
sub url  { return "http://127.0.0.1:$_[0]{port}$_[1]" }

# Everything that was received, as the handler saw it; and the handler's notes.
sub requests { return grep { $_->{method} } $_[0]->_log }
sub notes    { return grep { !$_->{method} } $_[0]->_log }

# Forgets what came so far.
sub clear {
	my ($self) = @_;
	delete $self->{log};
	open my $f, '>', "$self->{dir}/log" or croak $!;
	return close $f;
}

# Waits until CODE is true, at most 30 s: its value.
sub wait_for {
	my ($self, $code, $seconds) = @_;
	my $until = time + ($seconds || 30);
	while (time < $until) {
		my $value = $code->();
		return $value if $value;
		sleep 0.02;
	}
	return;
}

# Lets the handlers go on that wait for NAME.
sub release {
	my ($self, $name) = @_;
	open my $f, '>', "$self->{dir}/go-$name" or croak $!;
	return close $f;
}

sub stop {
	my ($self) = @_;
	return if !$self->{pid} || $self->{owner} != $$;
	local ($?, $!);
	kill 'KILL', -$self->{pid};
	kill 'KILL', $self->{pid};
	waitpid delete $self->{pid}, 0;
	return;
}

sub DESTROY { $_[0]->stop }
END { $_->stop for grep { $_ } @all }

sub _log {
	my ($self) = @_;
	open my $f, '<', "$self->{dir}/log" or return;
	@$self{qw(read log)} = (0, []) if !$self->{log} || -s $f < $self->{read};
	seek $f, $self->{read}, 0;    # tests ask again and again, and JSON::PP is slow: what has been read is kept
	while (defined(my $line = <$f>)) {
		last if $line !~ /\n\z/;
		push @{ $self->{log} }, $JSON->decode($line);
		$self->{read} = tell $f;
	}
	return @{ $self->{log} };
}

sub _append {
	my ($self, $record) = @_;
	open my $f, '>>', "$self->{dir}/log" or die $!;
	flock $f, LOCK_EX;
	syswrite $f, $JSON->encode($record) . "\n";
	return close $f;
}

sub _accept {
	my ($self, $listener) = @_;
	my $connection = 0;
	POSIX::setpgid(0, 0);
	$SIG{CHLD} = 'IGNORE';
	while (1) {
		my $socket = $listener->accept or next;
		$connection++;
		next if fork;
		close $listener;
		$SIG{PIPE} = 'IGNORE';
		eval { $self->_serve($socket, $connection); 1 } or $self->_append({ died => "$@" });
		POSIX::_exit(0);
	}
}

sub _serve {
	my ($self, $socket, $connection) = @_;
	my $c = Gatehouse::Upstream::Client->new($self, $socket);
	my $n = 0;
	binmode $socket;
	$c->write($self->{greeting}) if defined $self->{greeting};
	while (my $request = $c->read_request) {
		$request->{connection} = $connection;
		$request->{n} = ++$n;
		$self->_append($request);
		last if !$self->{handler}->($c, $request);
	}
	return close $socket;
}

package Gatehouse::Upstream::Client;

use strict;
use warnings;

use Time::HiRes qw(sleep time);

sub new {
	my ($class, $upstream, $socket) = @_;
	return bless { upstream => $upstream, socket => $socket, buffer => '' }, $class;
}

sub read_request {
	my ($self) = @_;
	my ($head, %r);
	$self->_fill or return while $self->{buffer} !~ /\r\n\r\n/;
	($head, $self->{buffer}) = split /\r\n\r\n/, $self->{buffer}, 2;
	my ($line, @lines) = split /\r\n/, $head;
	($r{method}, $r{target}) = split / /, $line;
	($r{path}, $r{query}) = split /\?/, $r{target}, 2;
	$r{headers} = [map { [split /:[ ]?/, $_, 2] } @lines];
	$r{header}{ lc $_->[0] } = $_->[1] for @{ $r{headers} };
	my $length = $r{header}{'content-length'} || 0;
	$self->_fill or return while length $self->{buffer} < $length;
	$r{content} = substr $self->{buffer}, 0, $length, '';
	return \%r;
}

sub _fill {
	my ($self) = @_;
	return sysread $self->{socket}, $self->{buffer}, 65536, length $self->{buffer};
}

# False when the other side has gone.
sub write {
	my ($self, $bytes) = @_;
	while (length $bytes) {
		my $n = syswrite $self->{socket}, $bytes or return 0;
		substr $bytes, 0, $n, '';
	}
	return 1;
}

# A whole answer with its length. The connection stays open.
sub reply {
	my ($self, $status, $headers, $body) = @_;
	return $self->write("HTTP/1.1 $status X\r\n" . join('', map { "$_->[0]: $_->[1]\r\n" } @$headers) .
		'Content-Length: ' . length($body) . "\r\n\r\n$body");
}

sub json {
	my ($self, $status, $data, @headers) = @_;
	return $self->reply($status, [['Content-Type', 'application/json'], @headers], ref $data ? $JSON->encode($data) : $data);
}

# The result of a JSON-RPC request, with its id.
sub result {
	my ($self, $request, $result, @headers) = @_;
	my $id = $request->{content} =~ /"id"\s*:\s*("[^"]*"|-?\d+)/ ? $1 : 'null';
	return $self->json(200, qq({"jsonrpc":"2.0","id":$id,"result":) . $JSON->encode($result) . '}', @headers);
}

# An event stream, by chunks; it goes on until end_stream().
sub begin_stream {
	my ($self, @headers) = @_;
	return $self->write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n" .
		join('', map { "$_->[0]: $_->[1]\r\n" } @headers) . "Transfer-Encoding: chunked\r\n\r\n");
}

sub chunk {
	my ($self, $bytes) = @_;
	return $self->write(sprintf "%x\r\n%s\r\n", length $bytes, $bytes);
}

sub event {
	my ($self, $data) = @_;
	return $self->chunk('event: message' . "\ndata: " . (ref $data ? $JSON->encode($data) : $data) . "\n\n");
}

sub end_stream { return $_[0]->write("0\r\n\r\n") }

sub note {
	my ($self, %note) = @_;
	return $self->{upstream}->_append(\%note);
}

# Waits for the test; at most 30 s.
sub wait_file {
	my ($self, $name) = @_;
	my $until = time + 30;
	sleep 0.01 while time < $until && !-e "$self->{upstream}{dir}/go-$name";
	return 1;
}

# Waits until the other side closes; false if it does not within 20 s.
sub wait_close {
	my ($self) = @_;
	my $bits = '';
	vec($bits, fileno $self->{socket}, 1) = 1;
	return 0 if !select $bits, undef, undef, 20;
	return !sysread $self->{socket}, my $byte, 1;
}

1;
