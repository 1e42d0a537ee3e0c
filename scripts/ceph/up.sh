#!/usr/bin/env bash
# Boots a throw-away Ceph on loopback, all in memory: one monitor, one OSD, one RADOS gateway with S3 and STS. Makes
# what the tests need: a role that the gateway's user may assume and that may do everything in four buckets, so that
# the session policy alone narrows it. Prints lab.json (endpoints, fresh random keys, role). Stop it with down.sh.
source "$(dirname "$0")/lab.sh"

role=sallyport
buckets=(reports artifacts)
# Buckets that are not there, and that the role may make.
absent=(scratch drafts)

# ---- Debian's packages
missing=()
declare -A package_of=([radosgw]=radosgw [radosgw-admin]=radosgw [ceph-mon]=ceph-mon [ceph-osd]=ceph-osd
  [ceph]=ceph-common [monmaptool]=ceph-common [curl]=curl [openssl]=openssl)
for program in "${!package_of[@]}"; do
  command -v "$program" >/dev/null || missing+=("${package_of[$program]}")
done
if ((${#missing[@]})); then
  mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
  install=(apt-get install -y --no-install-recommends "${missing[@]}")
  if [ "$(id -u)" -ne 0 ]; then
    say "needs packages of Debian; run once: sudo apt-get update && sudo ${install[*]}"
    exit 1
  fi
  say "installing ${missing[*]}"
  # With RUNLEVEL=1 the packages' own services are not started.
  export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
  "${install[@]}" >/dev/null 2>&1 || { apt-get update >/dev/null && "${install[@]}" >/dev/null; }
fi

# ---- a clean folder
for name in mon osd rgw; do
  if running "$name" >/dev/null; then say "runs already in $lab; stop it with scripts/ceph/down.sh"; exit 1; fi
done
for port in "$mon_port" "$rgw_port" "$rgw_tls_port"; do
  await_free "$port" || exit 1
done
# The folder is emptied: only one that a lab made, or that does not exist, may be.
if [ -e "$lab" ] && [ ! -e "$conf" ] && [ -n "$(ls -A "$lab")" ]; then
  say "$lab is not empty and not a lab; set CEPHLAB_DIR"
  exit 1
fi
rm -rf "$lab"
umask 077
mkdir -p "$lab"/{pids,log,run,mon,osd,rgw,tls}
trap 'say "failed at line $LINENO; see $lab/log"; stop_all' ERR

# What ceph loads at run time lies beside its programs, in a folder of their own too. (From 20 on, Debian's default of
# `osd class dir` is relative to the working directory.)
libraries=$(compgen -G "$(dirname "$(dirname "$(command -v ceph-osd)")")/lib/*/rados-classes" | head -n 1 || true)
libraries=${libraries%/rados-classes}
version=$(radosgw --version | grep -oE 'version [0-9.]+' | cut -d ' ' -f 2)

fsid=$(cat /proc/sys/kernel/random/uuid)
cat >"$conf" <<CONF
[global]
fsid = $fsid
mon host = v1:127.0.0.1:$mon_port
ms bind msgr2 = false
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
auth allow insecure global id reclaim = false
keyring = /dev/null
run dir = $lab/run
crash dir = $lab/run
log file = $lab/log/\$name.log
admin socket =
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon max pg per osd = 1000
mon data avail warn = 2
mon data avail crit = 1
paxos propose interval = 0.05
paxos min wait = 0.01

osd class dir = $libraries/rados-classes
erasure code dir = $libraries/ceph/erasure-code
plugin dir = $libraries/ceph

[mon.a]
mon data = $lab/mon
mon addr = 127.0.0.1:$mon_port

[osd.0]
osd data = $lab/osd
osd objectstore = memstore
memstore device bytes = 4294967296

[client.rgw.a]
rgw data = $lab/rgw
# Without tcp_nodelay every small answer takes 40 ms.
rgw frontends = beast endpoint=127.0.0.1:$rgw_port ssl_endpoint=127.0.0.1:$rgw_tls_port ssl_certificate=$lab/tls/rgw.crt ssl_private_key=$lab/tls/rgw.key tcp_nodelay=1
rgw dns name = $rgw_name
rgw enable apis = s3, sts, iam
rgw s3 auth use sts = true
rgw sts key = $(openssl rand -hex 8)
rgw num rados handles = 1
rgw thread pool size = 64
CONF
export CEPH_CONF=$conf

# ---- TLS of a private CA
(
  cd "$lab/tls"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -keyout ca.key -out ca.crt -subj '/CN=ceph lab CA'
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout rgw.key -out rgw.csr -subj /CN=localhost
  openssl x509 -req -in rgw.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -out rgw.crt \
    -extfile <(echo "subjectAltName=DNS:localhost,IP:127.0.0.1,DNS:reports.localhost,DNS:$rgw_name")
) >"$lab/log/tls.out" 2>&1

# ---- monitor
monmaptool --create --clobber --fsid "$fsid" --addv a "[v1:127.0.0.1:$mon_port]" "$lab/monmap" >"$lab/log/mkfs.out"
ceph-mon --mkfs -i a --monmap "$lab/monmap" --keyring /dev/null -c "$conf" >>"$lab/log/mkfs.out" 2>&1
spawn mon ceph-mon -f -i a -c "$conf"
await 100 monitor timeout 5 ceph --connect-timeout 2 mon stat

# ---- OSD
osd_uuid=$(cat /proc/sys/kernel/random/uuid)
# A monitor that has just begun, on a busy machine, may answer EPERM; what is asked of it here may be asked again.
new_osd() { timeout 5 ceph osd new "$osd_uuid" >>"$lab/log/mkfs.out" 2>&1; }
await 50 'place for the OSD' new_osd
ceph-osd --mkfs -i 0 --osd-uuid "$osd_uuid" -c "$conf" >>"$lab/log/mkfs.out" 2>&1
osd_is_up() {
  # The monitor may turn away an OSD that comes right after it was registered; the OSD then ends.
  running osd >/dev/null || spawn osd ceph-osd -f -i 0 -c "$conf"
  ceph osd stat 2>/dev/null | grep -q '1 up'
}
await 150 OSD osd_is_up

# ---- pools: made here in one go, as radosgw would make them one by one, some of them at the first PUT
make_pools() {
  for pool in .rgw.root default.rgw.{log,control,meta,buckets.index,buckets.data,buckets.non-ec}; do
    echo "osd pool create $pool 4 4"
    echo "osd pool application enable $pool rgw"
  done | ceph >>"$lab/log/pools.out" 2>&1
}
await 50 pools make_pools

# ---- users and role. The owner of the buckets sees all that is stored; the gateway's user may do nothing by itself.
admin() { radosgw-admin -n client.rgw.a -c "$conf" "$@" >>"$lab/log/radosgw-admin.out" 2>&1; }
key_id() { openssl rand -hex 10 | tr a-f A-F; }
owner_key=$(key_id) owner_secret=$(openssl rand -hex 20)
gateway_key=$(key_id) gateway_secret=$(openssl rand -hex 20)
admin user create --uid owner --display-name 'owner of the buckets' --admin --access-key "$owner_key" --secret "$owner_secret" \
  --caps 'roles=*;oidc-provider=*'
admin user create --uid gateway --display-name gateway --access-key "$gateway_key" --secret "$gateway_secret"
admin role create --role-name "$role" --assume-role-policy-doc \
  '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam:::user/gateway"]},"Action":["sts:AssumeRole"]}]}'
resources=
for bucket in "${buckets[@]}" "${absent[@]}"; do resources+="\"arn:aws:s3:::$bucket\",\"arn:aws:s3:::$bucket/*\","; done
admin role policy put --role-name "$role" --policy-name buckets --policy-doc \
  "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":[\"s3:*\"],\"Resource\":[${resources%,}]}]}"

start_rgw

for bucket in "${buckets[@]}"; do
  # The secret comes in on standard input, not as an argument that other users of the machine could read.
  curl -fsS --max-time 10 -o /dev/null -X PUT --aws-sigv4 aws:amz:us-east-1:s3 \
    -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' -K - "http://127.0.0.1:$rgw_port/$bucket" \
    <<<"user = \"$owner_key:$owner_secret\""
done

cat >"$lab/lab.json" <<JSON
{
  "version": "$version",
  "endpoint": "http://127.0.0.1:$rgw_port",
  "tlsEndpoint": "https://127.0.0.1:$rgw_tls_port",
  "caFile": "$lab/tls/ca.crt",
  "region": "us-east-1",
  "roleArn": "arn:aws:iam:::role/$role",
  "buckets": [$(printf '"%s", ' "${buckets[@]}" | sed 's/, $//')],
  "gateway": { "accessKeyId": "$gateway_key", "secretAccessKey": "$gateway_secret" },
  "owner": { "accessKeyId": "$owner_key", "secretAccessKey": "$owner_secret" }
}
JSON
cat "$lab/lab.json"
