# SPDX-License-Identifier: Apache-2.0
#
# Access tokens written straight into a test's database under the test's own pepper, for
# tests of the route alone. (The way that people get theirs is Gatehouse::Flow.)
#
#	my $token = issue($pg, $gw, '/mcp/a', subject => 'alice', client => 'c1', ttl => 900);
#	$token->{access_token}, $token->{grant_id}, $token->{token_id}

package Gatehouse::Token;

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use Exporter qw(import);
use MIME::Base64 qw(decode_base64url encode_base64url);

use Gatehouse::Run qw(read_file);

our @EXPORT_OK = qw(issue issue_many token_text);

# A token of ours with 32 random bytes and its checksum.
sub token_text {
	my ($prefix) = @_;
	open my $f, '<:raw', '/dev/urandom' or die $!;
	sysread $f, my $bytes, 48;
	my $text = $prefix . encode_base64url(substr $bytes, 0, 32);
	return $text . encode_base64url(pack 'N', _crc32($text));
}

sub _crc32 {
	my ($text) = @_;
	my $crc = 0xffffffff;
	for my $byte (unpack 'C*', $text) {
		$crc ^= $byte;
		$crc = $crc >> 1 ^ ($crc & 1 ? 0xedb88320 : 0) for 1 .. 8;
	}
	return $crc ^ 0xffffffff;
}

sub _uuid { return join '-', unpack 'A8A4A4A4A12', join '', map { sprintf '%04x', rand 65536 } 1 .. 8 }

sub issue {
	my ($pg, $gw, $route, %o) = @_;
	my ($t, $sql) = _made($gw, $route, %o);
	$pg->psql($sql);
	return $t;
}

# N of them, of as many users, in one go: their texts.
sub issue_many {
	my ($pg, $gw, $route, $n) = @_;
	my @made = map { [_made($gw, $route, subject => "user-$_")] } 1 .. $n;
	$pg->psql(join '', "begin;\n", (map { $_->[1] } @made), "commit;\n");
	return map { $_->[0]{access_token} } @made;
}

# A token, and the SQL that makes its rows.
sub _made {
	my ($gw, $route, %o) = @_;
	my ($line) = grep { /\bprimary\b/ } split /\n/, read_file($gw->project . '/keys/pepper');
	my ($id, undef, $secret) = split ' ', $line;
	my %t = (access_token => token_text('at_'), grant_id => _uuid(), token_id => _uuid());
	my $hash = hmac_sha256_hex($t{access_token}, decode_base64url($secret));
	my $client = $o{client} || 'client-1';
	my $subject = $o{subject} || 'user-1';
	my $ttl = $o{ttl} // 900;
	my $scope = $o{scope} // 'mcp:tools';
	(my $operation = $o{operation} || $route) =~ s{^/(?:mcp/)?}{};
	$operation =~ s{/}{-}g;
	my $resource = ($o{origin} || $gw->origin) . $route;
	return (\%t, <<"END");
insert into gatehouse.client (client_id, name, auth_method, redirect_uris, metadata, granted_at)
values ('$client', 'Client $client', 'none', '{http://127.0.0.1/cb}', '{}', now()) on conflict do nothing;
insert into gatehouse.grants (grant_id, client_id, subject, resource, operation_id, scope, generation, expires_at)
values ('$t{grant_id}', '$client', '$subject', '$resource', '$operation', '$scope', 1, now() + interval '1 day');
insert into gatehouse.access_token (token_id, token_hash, pepper_id, grant_id, generation, scope, expires_at)
values ('$t{token_id}', '\\x$hash', '$id', '$t{grant_id}', 1, '$scope', now() + interval '$ttl s');
END
}

1;
