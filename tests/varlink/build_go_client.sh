#!/bin/sh
# Makes Go code of our interface description with varlink-go-interface-generator, and a client with
# it. Usage: build_go_client.sh SOURCE-DIRECTORY OUTPUT-DIRECTORY; the program is OUTPUT/go_client.
# Exit status 4: Debian's varlink-go, golang-github-varlink-go-dev or golang-go is not installed.
set -eu
source=$1
output=$2
library=/usr/share/gocode
for needed in varlink-go-interface-generator go; do
  command -v "$needed" >/dev/null || { echo "SKIPPED: $needed is not installed"; exit 4; }
done
if [ ! -d "$library/src/github.com/varlink/go" ]; then
  echo "SKIPPED: there is no Varlink library for Go"
  exit 4
fi

mkdir -p "$output/src/orgchangejournal" "$output/src/go_client"
cp "$source/service/org.changejournal.varlink" "$output/src/orgchangejournal/"
cp "$source/tests/varlink/go_client/"*.go "$output/src/go_client/"
varlink-go-interface-generator "$output/src/orgchangejournal/org.changejournal.varlink"
cd "$output/src/go_client"
export GO111MODULE=off GOPATH="$output:$library" GOCACHE="$output/cache" GOFLAGS=-p=2
go build -o "$output/go_client" .
"$output/go_client" 2>/dev/null && { echo "go_client without arguments must fail"; exit 1; }
echo "built $output/go_client"
