# What every program of this lane shares: files to send, its version, a line per step.
export WORLD_ENDPOINT WORLD_BUCKET WORLD_PREFIX
export ROOT="$WORLD_BUCKET/${WORLD_PREFIX%/}"
cd "$HOME"
head -c 20000003 /dev/urandom >large
head -c 5242881 /dev/urandom >middle
printf 1 >one
: >empty
mkdir -p 'tree/x=1/deep'
for name in 'a b+c' 'ü' 'photo (1).jpg' "it's" 'x=1/y' 'x=1/deep/100%' 'a!b*c.txt' 'a:b@c' 'q?x#y&z'; do
  head -c 1000 /dev/urandom >"tree/$name"
done

# version PACKAGE: of the program, without what Debian adds to it.
version() { echo "version $(dpkg-query -W -f='${Version}' "$1" | sed 's/^[0-9]*://; s/[-+~].*//')"; }

# step NAME SCRIPT: runs it and says how it went.
step() {
  local name=$1 said
  if said=$(timeout 100 bash -euo pipefail -c "$2" 2>&1); then
    echo "ok $name"
  else
    echo "FAIL $name: $(tail -c 400 <<<"$said" | tr -s '\n\r ' ' ')"
  fi
}
