#!/usr/bin/env bash
# Stops or starts the radosgw of a running lab alone; what it has stored stays. For tests of an upstream that dies.
source "$(dirname "$0")/lab.sh"

case ${1:-} in
  stop) stop rgw ;;
  start)
    if running rgw >/dev/null; then say "radosgw runs already"; exit 1; fi
    if ! running osd >/dev/null; then say "no lab is running here; start it with scripts/ceph/up.sh"; exit 1; fi
    start_rgw
    ;;
  *) echo "usage: rgw.sh stop|start" >&2; exit 2 ;;
esac
