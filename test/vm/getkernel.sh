#!/bin/bash
# getkernel.sh SUITE DIR: unpacks the newest linux-image-*-amd64 of a Debian suite (bookworm, bookworm-backports, ...) in DIR.
# Does nothing when DIR is there already. The mirror is the one that this machine's apt uses; its configuration, lists and
# caches stay as they are.
set -eu
SUITE=$1 DIR=$(realpath -m "$2")
[ ! -d "$DIR" ] || exit 0

MIRROR=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -1)
[ -n "$MIRROR" ] || { echo "getkernel: the kernels come from a Debian mirror, and this machine's apt has none" >&2; exit 1; }

mkdir -p "$(dirname "$DIR")"
T=$(mktemp -d -p "$(dirname "$DIR")" .getkernel.XXXXXX)
trap 'rm -rf "$T"' EXIT
mkdir -p "$T/lists/partial" "$T/root"
printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nArchitectures: amd64\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n' \
	"$MIRROR" "$SUITE" >"$T/suite.sources"
OPTIONS=(-o "Dir::Etc::sourcelist=$T/suite.sources" -o Dir::Etc::sourceparts=/dev/null -o "Dir::State::Lists=$T/lists"
	-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o Dir::State::status=/dev/null -o APT::Sandbox::User=root)
apt-get "${OPTIONS[@]}" -qq update
PACKAGE=$(apt-cache "${OPTIONS[@]}" depends linux-image-amd64 | awk '/Depends: linux-image-/ {print $2; exit}')
[ -n "$PACKAGE" ] || { echo "getkernel: $SUITE has no linux-image-amd64" >&2; exit 1; }
(cd "$T" && apt-get "${OPTIONS[@]}" -qq download "$PACKAGE")
dpkg -x "$T/$PACKAGE"_*.deb "$T/root"
mv "$T/root" "$DIR" # whole or not at all
echo "getkernel: $PACKAGE of $SUITE"
