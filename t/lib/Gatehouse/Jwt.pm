# SPDX-License-Identifier: Apache-2.0
#
# Keys and signatures by the openssl command, so that any header and payload can be signed rightly.
#
#	my $jwt = Gatehouse::Jwt->new;
#	my $key = $jwt->key('p256', 'P-256');                # { pem, jwk, size }; without a curve: RSA
#	my $text = $jwt->text($key, \%header, \%claims);     # members that are undef are left out
#	my $text = $jwt->text($key, $header_text, $claims_text, by => 'ES256', sign => sub { bytes of the input });

package Gatehouse::Jwt;

use strict;
use warnings;

use File::Temp ();
use JSON::PP ();
use MIME::Base64 qw(encode_base64url);

use Gatehouse::Run qw(find_program read_file);

my $JSON = JSON::PP->new->utf8->canonical;

sub new {
	my ($class) = @_;
	return bless { openssl => find_program('openssl'), dir => File::Temp::tempdir('gh-jwt-XXXXXX', TMPDIR => 1, CLEANUP => 1) }, $class;
}

sub openssl {
	my ($self, $input, @arguments) = @_;
	my $dir = $self->{dir};
	open my $in, '>:raw', "$dir/in" or die $!;
	print {$in} $input;
	close $in;
	open my $out, '-|', "$self->{openssl} @arguments <$dir/in 2>$dir/err" or die $!;
	binmode $out;
	my $bytes = do { local $/; <$out> };
	close $out or die "openssl @arguments: " . read_file("$dir/err");
	return $bytes;
}

# RSA, or EC on the curve of this name.
sub key {
	my ($self, $name, $curve) = @_;
	my $pem = "$self->{dir}/$name.pem";
	$self->openssl('', 'genpkey', '-out', $pem, $curve ? "-algorithm EC -pkeyopt ec_paramgen_curve:$curve" : '-algorithm RSA -pkeyopt rsa_keygen_bits:2048');
	if ($curve) {
		my $size = { 'P-256' => 32, 'P-384' => 48, 'P-521' => 66 }->{$curve};
		my $point = substr $self->openssl('', "pkey -in $pem -pubout -outform DER"), -2 * $size;
		return { pem => $pem, size => $size, jwk => { kty => 'EC', crv => $curve, kid => $name,
			x => encode_base64url(substr $point, 0, $size), y => encode_base64url(substr $point, $size) } };
	}
	my ($n) = $self->openssl('', "rsa -in $pem -noout -modulus") =~ /Modulus=([0-9A-F]+)/;
	return { pem => $pem, jwk => { kty => 'RSA', kid => $name, e => 'AQAB', n => encode_base64url(pack 'H*', $n) } };
}

# R and S of a DER signature.
sub _raw {
	my ($der, $size) = @_;
	my ($r, $s) = unpack 'x' . (ord(substr $der, 1, 1) == 0x81 ? 3 : 2) . ' x C/a x C/a', $der;
	return join '', map { substr(("\0" x $size) . $_, -$size) } $r, $s;
}

sub sign {
	my ($self, $key, $alg, $input) = @_;
	my ($family, $bits) = $alg =~ /^(..)(\d+)$/;
	my $pss = $family eq 'PS' ? '-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest' : '';
	my $signature = $self->openssl($input, "dgst -sha$bits -sign $key->{pem} $pss");
	return $family eq 'ES' ? _raw($signature, $key->{size}) : $signature;
}

sub text {
	my ($self, $key, $header, $claims, %o) = @_;
	my $input = join '.', map { encode_base64url(ref $_ ? _json($_) : $_) } $header, $claims;
	my $signature = $o{sign} ? $o{sign}->($input) : $self->sign($key, $o{by} || $header->{alg}, $input);
	return "$input." . encode_base64url($signature);
}

sub _json {
	my ($object) = @_;
	return $JSON->encode({ map { $_ => $object->{$_} } grep { defined $object->{$_} } keys %$object });
}

1;
