#!/usr/bin/env bash
# Stops what up.sh started, and nothing else. Everything that the lab stored was in memory and is gone; --purge removes
# its folder (keys, logs) as well.
source "$(dirname "$0")/lab.sh"

stop_all
rm -f "$lab/lab.json"
if [ "${1:-}" = --purge ]; then rm -rf "$lab"; fi
