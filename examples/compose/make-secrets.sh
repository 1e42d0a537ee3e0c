#!/bin/sh
# Makes what docker-compose.yml needs and nobody should share: a CA, certificates, the seed of the keyring, passwords.
# Everything lies in state/ beside this script (or in the folder that is given), for its owner alone, and is kept when
# it is there. Needs openssl.
set -eu
umask 077

state=${1:-$(dirname "$0")/state}
mkdir -p "$state/tls/edge" "$state/tls/idp" "$state/tls/store" "$state/tls/redis" "$state/keys" "$state/audit/1" "$state/audit/2"
mkdir -p "$state/store-data" "$state/redis" "$state/redis-data" "$state/prometheus-data"
cd "$state"

random() { openssl rand -hex "$1"; }

key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }

if [ ! -e tls/ca.crt ]; then
  key tls/ca.key
  openssl req -x509 -key tls/ca.key -days 3650 -subj '/CN=sallyport compose CA' \
    -addext 'keyUsage=critical,keyCertSign' -out tls/ca.crt
fi

# certificate FILE KEY NAMES
certificate() {
  if [ -e "$1" ]; then return; fi
  key "$2"
  openssl req -new -key "$2" -subj '/CN=sallyport compose' -out request.pem
  printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\n' "$3" >extensions
  openssl x509 -req -in request.pem -CA tls/ca.crt -CAkey tls/ca.key -CAcreateserial -days 825 -extfile extensions -out "$1"
  rm request.pem extensions
}
certificate tls/edge/edge.crt tls/edge/edge.key DNS:localhost,IP:127.0.0.1
certificate tls/idp/idp.crt tls/idp/idp.key DNS:idp,DNS:localhost
certificate tls/store/public.crt tls/store/private.key DNS:store
certificate tls/redis/redis.crt tls/redis/redis.key DNS:redis
# HAProxy wants both in one file.
cat tls/edge/edge.crt tls/edge/edge.key >tls/edge/edge.pem

# Without this seed no stored object can be read again.
[ -e keys/seed-1 ] || random 32 >keys/seed-1
# By it the gateway knows its edge.
[ -e keys/edge-secret ] || random 32 >keys/edge-secret
[ -e keys/store-access-key-id ] || echo sallyport >keys/store-access-key-id
# What sessions are sealed with, in both replicas.
[ -e keys/session-key ] || random 32 >keys/session-key
[ -e keys/redis-password ] || random 32 >keys/redis-password
[ -e redis/redis.conf ] || cat >redis/redis.conf <<END
bind 0.0.0.0
port 0
tls-port 6379
tls-cert-file /etc/redis-tls/redis.crt
tls-key-file /etc/redis-tls/redis.key
tls-auth-clients no
requirepass $(cat keys/redis-password)
dir /data
appendonly yes
maxmemory-policy noeviction
END
[ -e keys/store-secret-access-key ] || random 20 >keys/store-secret-access-key

# The containers run as whoever owns these files, and never as root.
uid=$(id -u) gid=$(id -g)
if [ "$uid" = 0 ]; then
  uid=1000 gid=1000
fi
[ -e compose.env ] || cat >compose.env <<END
SALLYPORT_UID=$uid
SALLYPORT_GID=$gid
STORE_ROOT_PASSWORD=$(random 20)
KEYCLOAK_ADMIN_PASSWORD=$(random 20)
ALICE_PASSWORD=$(random 12)
BOB_PASSWORD=$(random 12)
CI_BOT_SECRET=$(random 20)
GRAFANA_ADMIN_PASSWORD=$(random 12)
EDGE_SECRET=$(cat keys/edge-secret)
END
if [ "$(id -u)" = 0 ]; then chown -R "$uid:$gid" .; fi
