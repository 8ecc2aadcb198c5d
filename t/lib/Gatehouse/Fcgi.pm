# SPDX-License-Identifier: Apache-2.0
#
# A program as a web server sees it: connections to its socket, and records of FastCGI on them, one at a time.
#
#	use Gatehouse::Fcgi qw(connection record params begin call read_answer farewell is_open);
#	my $c = connection($gw, 'mcp');
#	my $bytes = params($gw, '/mcp/echo', $length, $token);    # the variables of a call, token undef: without one
#	print {$c} record(4, $bytes);
#	my $r = call($c, $gw, '/mcp/echo', $content, $token);     # a whole one on a connection to be kept: { status, content }, see read_answer()

package Gatehouse::Fcgi;

use strict;
use warnings;

use Carp qw(croak);
use Exporter qw(import);
use IO::Select;
use IO::Socket::UNIX;

our @EXPORT_OK = qw(connection record params begin say_to request_bytes call read_answer farewell is_open);

sub connection {
	my ($gw, $program) = @_;
	return IO::Socket::UNIX->new(Peer => $gw->run->dir . "/sock/$program.sock") || croak "no connection to $program: $!";
}

# A record of TYPE (1 begin, 4 variables, 5 body) with DATA.
sub record { my ($type, $data) = @_; return pack('CCnnCC', 1, $type, 1, length $data, 0, 0) . $data }

# The beginning of a request: KEEPS if the connection is to stay open.
sub begin { my ($keeps) = @_; return record(1, pack 'nCx5', 1, $keeps ? 1 : 0) }

sub params {
	my ($gw, $path, $length, $token, %more) = @_;
	my %p = (REQUEST_METHOD => 'POST', REQUEST_URI => $path, SCRIPT_NAME => $path, QUERY_STRING => '', HTTP_HOST => $gw->address,
		SERVER_PROTOCOL => 'HTTP/1.1', REMOTE_ADDR => '127.0.0.1', CONTENT_TYPE => 'application/json', CONTENT_LENGTH => $length,
		GATEWAY_INTERFACE => 'CGI/1.1', ($token ? (HTTP_AUTHORIZATION => "Bearer $token") : ()), %more);
	return join '', map { pack('CC', length $_, length $p{$_}) . $_ . $p{$_} } sort keys %p;
}

sub say_to {
	my ($socket, $bytes) = @_;
	syswrite($socket, $bytes) == length $bytes or croak "cannot write: $!";
	return $socket;
}

# All records of a request.
sub request_bytes {
	my ($keeps, $gw, $path, $content, $token, %more) = @_;
	return begin($keeps) . record(4, params($gw, $path, length $content, $token, %more)) . record(4, '')
	  . (length $content ? record(5, $content) : '') . record(5, '');
}

sub call {
	my ($socket, @request) = @_;
	say_to($socket, request_bytes(1, @request));
	return read_answer($socket);
}

# What comes until the request's end, or the connection's: { status, content, ended, rest (what came with it) }; ON_PIECE is told each piece of it.
sub read_answer {
	my ($socket, $on_piece) = @_;
	my ($in, $out, $ended) = ('', '', 0);
	while (!$ended) {
		sysread $socket, $in, 65536, length $in or last;
		while (!$ended && length $in >= 8) {
			my ($type, $length, $padding) = (unpack 'CCnnCC', $in)[1, 3, 4];
			last if length $in < 8 + $length + $padding;
			my $data = substr $in, 8, $length;
			substr $in, 0, 8 + $length + $padding, '';
			$out .= $data if $type == 6;
			$on_piece->($data) if $on_piece && $type == 6 && $length;
			$ended = 1 if $type == 3;
		}
	}
	my ($head, $content) = split /\r\n\r\n/, $out, 2;
	my ($status) = ($head // '') =~ /^Status: (\d+)/m;
	return { status => $status // (length $out ? 200 : 0), content => $content // '', ended => $ended, rest => $in };
}

# What tells a web server to close a connection that it keeps (fcgi.h).
sub farewell { return pack 'CCnnCC', 1, 7, 1, 0, 0, 0 }

# Whether the program has left it open, and nothing more came on it.
sub is_open {
	my ($socket) = @_;
	return !IO::Select->new($socket)->can_read(0);
}

1;
