# Settings and process handling that up.sh, down.sh and rgw.sh share; to be sourced. Every variable may come from the
# environment: a second lab beside the first needs another folder and three other ports.
set -euo pipefail

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
lab=${CEPHLAB_DIR:-$checkout/.ceph}
rgw_port=${CEPHLAB_PORT:-7480}
rgw_tls_port=${CEPHLAB_TLS_PORT:-7443}
mon_port=${CEPHLAB_MON_PORT:-46789}
# By which its gateway is known, beside its address.
rgw_name=${CEPHLAB_NAME:-localhost}
conf=$lab/ceph.conf

say() { echo "ceph lab: $*" >&2; }

# A recorded pid counts only while it still belongs to a process of this lab: pids are reused.
running() { # name -> pid
  local pid
  pid=$(cat "$lab/pids/$1" 2>/dev/null) || return 1
  tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | grep -qxF -- "$conf" || return 1
  echo "$pid"
}

spawn() { # name command...
  local name=$1
  shift
  setsid "$@" >"$lab/log/$name.out" 2>&1 </dev/null &
  echo $! >"$lab/pids/$name"
}

stop() { # name [signal]
  local pid
  if pid=$(running "$1"); then
    kill -"${2:-TERM}" "$pid" 2>/dev/null || true
    for _ in {1..50}; do running "$1" >/dev/null || break; sleep 0.1; done
    if running "$1" >/dev/null; then kill -KILL "$pid" 2>/dev/null || true; fi
  fi
  rm -f "$lab/pids/$1"
}

# Nothing of it is kept: it is killed. (radosgw takes five seconds to end by itself.)
stop_all() { for name in rgw osd mon; do stop "$name" KILL; done; }

await() { # tries description command...
  local tries=$1 what=$2
  shift 2
  for ((i = 0; i < tries; i++)); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.1
  done
  say "$what: gave up; see $lab/log"
  return 1
}

# One that was killed may hold its port a moment longer.
await_free() { # port
  for _ in {1..50}; do
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null || return 0
    sleep 0.1
  done
  say "port $1 is taken"
  return 1
}

start_rgw() {
  await_free "$rgw_port"
  spawn rgw radosgw -f -n client.rgw.a -c "$conf"
  await 200 "radosgw on 127.0.0.1:$rgw_port" curl -fs -o /dev/null --max-time 2 "http://127.0.0.1:$rgw_port/"
}
