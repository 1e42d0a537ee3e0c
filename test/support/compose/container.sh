#!/bin/sh
# Runs a program as a container would: in a root of its own, which holds the system's programs and this repository (read-only) and
# what is mounted, as a user without rights. Started in a mount namespace of its own.
#   container.sh ROOT USER:GROUP FOLDER READ_ONLY "SOURCE:TARGET[:ro] ..." NAME=VALUE... PROGRAM [ARGUMENT...]
# SOURCE `tmpfs` is an empty one. The environment is what is named, and nothing else.
set -eu
root=$1 user=$2 folder=$3 readonly=$4 mounts=$5
shift 5
repository=$(cd "$(dirname "$0")/../../.." && pwd)

mount -t tmpfs -o mode=0755 tmpfs "$root"
for name in usr bin sbin lib lib64; do
  if [ -L "/$name" ]; then cp -P "/$name" "$root/$name"; elif [ -d "/$name" ]; then
    mkdir "$root/$name"
    mount --bind "/$name" "$root/$name"
    mount -o remount,bind,ro "$root/$name"
  fi
done
# Images have things there; this machine's own are of no use.
mount -t tmpfs tmpfs "$root/usr/local"
mkdir "$root/proc" "$root/dev" "$root/etc" "$root/tmp" "$root/opt"
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
cp /etc/ld.so.cache "$root/etc/"
cp -rL /etc/ssl "$root/etc/ssl"
echo 'hosts: files' >"$root/etc/nsswitch.conf"
cp "$SALLYPORT_TEST_HOSTS" "$root/etc/hosts"
mkdir "$root/opt/sallyport"
mount --bind "$repository" "$root/opt/sallyport"
mount -o remount,bind,ro "$root/opt/sallyport"
for mount in $mounts; do
  source=${mount%%:*} rest=${mount#*:}
  target=$root${rest%%:*}
  if [ "$source" = tmpfs ]; then
    mkdir -p "$target"
    mount -t tmpfs -o mode=1777 tmpfs "$target"
    continue
  fi
  if [ -d "$source" ]; then mkdir -p "$target"; else mkdir -p "$(dirname "$target")" && touch "$target"; fi
  mount --bind "$source" "$target"
  if [ "${rest#*:}" = ro ]; then mount -o remount,bind,ro "$target"; fi
done
if [ "$readonly" = true ]; then mount -o remount,ro "$root"; fi
exec chroot --userspec="$user" --groups= "$root" /usr/bin/env -i -C "$folder" "$@"
