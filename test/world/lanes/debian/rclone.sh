# rclone, told everything by variables; logs in by web identity.
. "$(dirname "$0")/step.sh"
version rclone
# set-up
export RCLONE_CONFIG_S_TYPE=s3 RCLONE_CONFIG_S_PROVIDER=Other RCLONE_CONFIG_S_ENV_AUTH=true RCLONE_CONFIG_S_REGION=us-east-1
export RCLONE_CONFIG_S_ENDPOINT="$WORLD_ENDPOINT" RCLONE_CA_CERT="$WORLD_CA_FILE" RCLONE_S3_NO_CHECK_BUCKET=true
# end of set-up
export RCLONE_RETRIES=1 RCLONE_LOW_LEVEL_RETRIES=1
export S3="s:$ROOT"
for file in empty one middle large; do
  step "copyto of $file up and down" "rclone copyto $file $S3/$file; rclone copyto $S3/$file back; cmp $file back"
done
step 'copyto in parts' 'rclone copyto --s3-upload-cutoff 5M --s3-chunk-size 5M large "$S3/parts"; rclone cat "$S3/parts" | cmp - large'
step 'sync up' 'rclone sync tree "$S3/tree"'
step 'check' 'rclone check tree "$S3/tree"'
step 'check by download' 'rclone check --download tree "$S3/tree"'
step 'sync again sends nothing' 'rclone sync -v tree "$S3/tree" 2>&1 | grep >/dev/null "nothing to transfer"'
step 'sync down' 'rclone sync "$S3/tree" tree2; diff -r tree tree2'
step 'sync inside S3' 'rclone sync "$S3/tree" "$S3/tree3"; rclone check --download tree "$S3/tree3"'
step 'moveto' 'rclone moveto "$S3/large" "$S3/large2"; rclone cat "$S3/large2" | cmp - large'
step 'copyto inside S3, in parts' 'rclone copyto --s3-copy-cutoff 5M --s3-chunk-size 5M "$S3/large2" "$S3/large3"; rclone cat "$S3/large3" | cmp - large'
step 'rcat' 'rclone rcat "$S3/stream" <large; rclone cat "$S3/stream" | cmp - large'
step 'cat of a range' 'rclone cat --offset 5242870 --count 30 "$S3/large2" | cmp - <(tail -c +5242871 large | head -c 30)'
step 'lsjson with metadata' 'rclone lsjson -R -M "$S3" | grep >/dev/null large2'
step 'touch' 'rclone touch "$S3/touched"; rclone touch -t 2020-01-01T00:00:00 "$S3/one"'
step 'hashsum' 'rclone hashsum md5 --download "$S3/tree"'
step 'link' 'curl -fsS --cacert "$WORLD_CA_FILE" "$(rclone link "$S3/large2")" | cmp - large'
step 'size and cleanup' 'rclone size "$S3"; rclone backend list-multipart-uploads "s:$WORLD_BUCKET"; rclone cleanup "s:$WORLD_BUCKET"'
step 'immutable' 'rclone copyto --immutable one "$S3/one"'
step 'purge' 'rclone purge "$S3"; [ -z "$(rclone lsf -R "$S3" 2>/dev/null)" ]'
