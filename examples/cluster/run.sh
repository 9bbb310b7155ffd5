#!/usr/bin/env bash
# Starts Redis, two instances and nginx, and stops them with Ctrl-C. It needs Go,
# redis-server and nginx. Log in:
#
#   curl -si -d username=ada -d password=secret http://127.0.0.1:8080/login
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
folder="$(mktemp -d)"
trap 'kill $(jobs -p) 2>/dev/null; wait; rm -rf "$folder"' EXIT
export KEYS="${KEYS:-$(head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n')}" BASE=http://127.0.0.1:8080 REDIS=127.0.0.1:6390
go build -o "$folder/cluster" .
redis-server --bind 127.0.0.1 --port 6390 --save '' --appendonly yes --dir "$folder" >"$folder/redis.log" &
ADDR=127.0.0.1:9001 "$folder/cluster" &
ADDR=127.0.0.1:9002 "$folder/cluster" &
nginx -p "$folder" -c "$PWD/nginx.conf" -e stderr &
echo "http://127.0.0.1:8080"
wait -n
