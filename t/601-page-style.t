#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# The style of the pages: contrast in light and dark (WCAG 2.2, 1.4.3 and 1.4.11), sizes, nothing fetched.
use strict;
use warnings;
use Test::More;

my $top = $ENV{top_srcdir} || '.';
sub luminance {
	my @c = map { $_ / 255 } map { hex } $_[0] =~ /([0-9a-f]{2})/g;
	@c = map { $_ <= 0.04045 ? $_ / 12.92 : (($_ + 0.055) / 1.055)**2.4 } @c;
	return 0.2126 * $c[0] + 0.7152 * $c[1] + 0.0722 * $c[2];
}

sub contrast {
	my ($x, $y) = sort { $b <=> $a } map { luminance($_) } @_;
	return ($x + 0.05) / ($y + 0.05);
}

# What lies on what: of both styles, and of each alone.
my @both = (
	['ink', 'sheet', 4.5, 'text'], ['ink', 'tint', 4.5, 'text in a box'], ['quiet', 'sheet', 4.5, 'quiet text'],
	['quiet', 'ground', 4.5, 'quiet text outside of boxes'],
	['accent', 'ground', 4.5, 'a link'], ['accent-deep', 'ground', 4.5, 'a link under the pointer'],
	['accent-deep', 'tint', 4.5, 'a link in a box, under the pointer'],
	['on-accent', 'accent', 4.5, 'the main button'], ['on-accent', 'accent-deep', 4.5, 'the main button under the pointer'],
	['edge', 'sheet', 3, 'the border of a button'], ['edge', 'tint', 3, 'the border under the pointer'],
	['accent', 'sheet', 3, 'the focus ring, the main button itself'], ['alarm', 'sheet', 3, 'the mark of a failure'],
);
my %own = (
	'page.css' => [['quiet', 'tint', 4.5, 'a heading in a box']],
	'console.css' => [
		['ink', 'ground', 4.5, 'text outside of boxes, and what is typed'], ['edge', 'ground', 3, 'the border of a field'],
		['accent', 'sheet', 4.5, 'a link in a table'], ['accent', 'tint', 4.5, 'a link of the row under the pointer'],
		['alarm', 'sheet', 4.5, 'a number of failures'], ['alarm', 'tint', 4.5, 'one of the row under the pointer'],
		['good', 'sheet', 3, 'a bar of successes'], ['other', 'sheet', 3, 'a bar of what neither succeeded nor failed'],
	],
);

for my $name (sort keys %own) {
	open my $f, '<', "$top/share/static/$name" or die $!;
	my $css = do { local $/; <$f> };
	my ($first, $second) = $css =~ /:root \{(.*?)\}.*?prefers-color-scheme: dark.*?:root \{(.*?)\}/s
	    or BAIL_OUT("$name has no colours for light and dark");
	my %light = $first =~ /--([\w-]+): (#[0-9a-f]{6});/g;
	my %dark = $second =~ /--([\w-]+): (#[0-9a-f]{6});/g;

	is_deeply([sort keys %dark], [sort keys %light], "$name: dark has a colour of its own for every one of light");
	for (@both, @{ $own{$name} }) {
		my ($on, $under, $least, $what) = @$_;
		for (['light', \%light], ['dark', \%dark]) {
			my ($mode, $c) = @$_;
			my $got = contrast($c->{$on}, $c->{$under});
			ok($got >= $least, sprintf '%s: %s is readable in %s: %.1f of at least %.1f', $name, $what, $mode, $got, $least);
		}
	}
	unlike($css, qr/url\(|\@import|\@font-face|expression/, "$name fetches nothing");
	my @sizes = map { /min-height: ([\d.]+)rem/ ? $1 * 16 : () } $css =~ /^button \{(.*?)\}/gms;
	ok(@sizes && $sizes[0] >= 24, "$name: buttons are at least 24 pixels high");
	like($css, qr/:focus-visible \{[^}]*outline: [23]px solid/, "$name: focus is visible");
	unlike($css, qr/outline: (?:0|none)/, "$name: and nowhere taken away");
	(my $rules = $css) =~ s{/\*.*?\*/}{}gs;
	$rules =~ s/:root \{.*?\}//gs;
	unlike($rules, qr/#[0-9a-f]{3,6}\b/i, "$name: all colours have names");
}

done_testing();
