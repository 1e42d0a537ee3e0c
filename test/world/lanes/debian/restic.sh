# restic, by container credentials: its client for S3 is minio-go.
. "$(dirname "$0")/step.sh"
version restic
# set-up
export RESTIC_REPOSITORY="s3:$WORLD_ENDPOINT/$ROOT" RESTIC_PASSWORD=world RESTIC_CACERT="$WORLD_CA_FILE"
# end of set-up
export RESTIC_CACHE_DIR="$HOME/cache"
step 'init' 'restic init'
step 'backup' 'restic backup tree large empty'
step 'backup again' 'printf 2 >two; restic backup tree large empty two'
step 'check of all data' 'restic check --read-data'
step 'restore' 'restic restore latest --target back; cmp large back/large; diff -r tree back/tree'
step 'ls, find, dump' 'restic ls latest | grep >/dev/null large; restic find large; restic dump latest /large | cmp - large'
step 'forget and prune' 'restic forget --keep-last 1 --prune'
step 'check again' 'restic check --read-data'
step 'copies of keys and locks' 'restic list locks; restic unlock; restic key list'
