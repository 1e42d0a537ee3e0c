# distribution's registry on the product, by session keys; driven by its own HTTP API, as `docker push` and `pull` do.
cd "$HOME"
head -c 12000000 /dev/urandom >blob
head -c 1000 /dev/urandom >small
: >empty
echo "version $(go version -m "$(dirname "$0")/bin/registry" | sed -n 's/.*distribution\/v3\tv\([^\t]*\).*/\1/p')"
# set-up
cat >config.yml <<YML
version: 0.1
log: { level: info, formatter: json }
storage:
  delete: { enabled: true }
  redirect: { disable: true }
  s3:
    region: us-east-1
    regionendpoint: $WORLD_ENDPOINT
    forcepathstyle: true
    bucket: $WORLD_BUCKET
    rootdirectory: /${WORLD_PREFIX%/}
    chunksize: 5242880
http: { addr: 127.0.0.1:0 }
YML
# end of set-up
"$(dirname "$0")/bin/registry" serve config.yml >log 2>&1 &
registry=$!
trap 'kill $registry' EXIT
for _ in $(seq 100); do
  PORT=$(sed -n 's/.*listening on 127.0.0.1:\([0-9]*\).*/\1/p' log | head -n 1)
  [ -n "$PORT" ] && break
  sleep 0.2
done
export V2="http://127.0.0.1:$PORT/v2"

# step NAME SCRIPT: runs it and says how it went.
step() {
  local said
  if said=$(timeout 60 bash -euo pipefail -c "$2" 2>&1); then
    echo "ok $1"
  else
    echo "FAIL $1: $(tail -c 250 <<<"$said" | tr -s '\n\r ' ' ') $(grep -o '"err.message":"[^"]*"' log | tail -n 1)"
  fi
}
api() { curl -sS --fail-with-body "$@"; }
digest() { echo "sha256:$(sha256sum "$1" | cut -d' ' -f1)"; }
# where [OPTION…] URL: the Location of the answer.
where() { api -o /dev/null -D - "$@" | tr -d '\r' | sed -n 's/^[Ll]ocation: *//p'; }
export -f api digest where

step 'it runs' 'api "$V2/"'
step 'push of a blob of 12 MB in three chunks' '
  at=$(where -X POST "$V2/one/blobs/uploads/")
  for number in 0 1 2; do
    dd if=blob of=chunk bs=4000000 skip=$number count=1 status=none
    range="$((number * 4000000))-$((number * 4000000 + 3999999))"
    at=$(where -X PATCH -H "Content-Type: application/octet-stream" -H "Content-Range: $range" --data-binary @chunk "$at")
  done
  api -X PUT "$at&digest=$(digest blob)"'
step 'the blob is there' 'api -I "$V2/one/blobs/$(digest blob)" | grep "12000000" >/dev/null'
step 'pull' 'api "$V2/one/blobs/$(digest blob)" | cmp - blob'
step 'pull of a range' 'api -H "Range: bytes=5242870-5242899" "$V2/one/blobs/$(digest blob)" | cmp - <(tail -c +5242871 blob | head -c 30)'
step 'push in one request' 'at=$(where -X POST "$V2/one/blobs/uploads/"); api -X PUT -H "Content-Type: application/octet-stream" --data-binary @small "$at&digest=$(digest small)"; api "$V2/one/blobs/$(digest small)" | cmp - small'
step 'push of an empty blob' 'at=$(where -X POST "$V2/one/blobs/uploads/"); api -X PUT -H "Content-Type: application/octet-stream" --data-binary @empty "$at&digest=$(digest empty)"; api "$V2/one/blobs/$(digest empty)" | cmp - empty'
step 'a blob is mounted in another repository' 'api -X POST "$V2/two/blobs/uploads/?mount=$(digest blob)&from=one"; api "$V2/two/blobs/$(digest blob)" | cmp - blob'
step 'an upload tells how far it is, and is cancelled' '
  at=$(where -X POST "$V2/one/blobs/uploads/")
  at=$(where -X PATCH -H "Content-Type: application/octet-stream" --data-binary @blob "$at")
  api -D - -o /dev/null "$at" | grep -i "^range: 0-11999999" >/dev/null
  api -X DELETE "$at"'
step 'a manifest is pushed and pulled' '
  printf "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"config\":{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"size\":1000,\"digest\":\"%s\"},\"layers\":[{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\",\"size\":12000000,\"digest\":\"%s\"}]}" "$(digest small)" "$(digest blob)" >manifest
  api -X PUT -H "Content-Type: application/vnd.oci.image.manifest.v1+json" --data-binary @manifest "$V2/one/manifests/latest"
  api -H "Accept: application/vnd.oci.image.manifest.v1+json" "$V2/one/manifests/latest" | cmp - manifest'
step 'tags and catalog' 'api "$V2/one/tags/list" | grep latest >/dev/null; api "$V2/_catalog" | grep one >/dev/null'
step 'a manifest and a blob are deleted' 'api -X DELETE "$V2/one/manifests/$(digest manifest)"; api -X DELETE "$V2/one/blobs/$(digest blob)"'
