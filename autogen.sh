#!/bin/sh
# Makes ./configure. Needs autoconf and automake.
cd "$(dirname "$0")" && exec autoreconf -fi
