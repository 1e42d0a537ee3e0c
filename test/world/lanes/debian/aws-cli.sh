# The AWS CLI, by its classic or its CRT transfers, as $1 says; everything by default.
. "$(dirname "$0")/step.sh"
version awscli
export S3="s3://$ROOT"
export AWS_MAX_ATTEMPTS=1
aws configure set default.s3.preferred_transfer_client "$1"
# set-up
aws configure set default.s3.addressing_style path
# end of set-up

step 'who am I' 'aws sts get-caller-identity'
for file in empty one middle large; do
  step "cp of $file up and down" "aws s3 cp $file $S3/$file; aws s3 cp $S3/$file back; cmp $file back"
done
step 'sync up' 'aws s3 sync tree "$S3/tree"'
step 'sync up again sends nothing' '[ -z "$(aws s3 sync tree "$S3/tree")" ]'
step 'sync down' 'aws s3 sync "$S3/tree" tree2; diff -r tree tree2'
step 'sync inside S3' 'aws s3 sync "$S3/tree" "$S3/tree3"; aws s3 sync "$S3/tree3" tree3; diff -r tree tree3'
step 'cp inside S3, in one request' 'aws s3 cp "$S3/one" "$S3/one2"; aws s3 cp "$S3/one2" - | cmp - one'
step 'cp inside S3, in parts' 'aws s3 cp "$S3/large" "$S3/large2"; aws s3 cp "$S3/large2" - | cmp - large'
step 'cp inside S3 with metadata' 'aws s3 cp "$S3/one" "$S3/one3" --metadata team=x --metadata-directive REPLACE'
step 'mv inside S3' 'aws s3 mv "$S3/large2" "$S3/large3"; aws s3 cp "$S3/large3" back; cmp large back'
step 'mv up' 'cp one moved; aws s3 mv moved "$S3/moved"; [ ! -e moved ]'
step 'a stream up and down' 'aws s3 cp - "$S3/stream" <large; aws s3 cp "$S3/stream" - | cmp - large'
for algorithm in CRC32 CRC32C CRC64NVME SHA1 SHA256; do
  step "cp with $algorithm" "aws s3 cp middle $S3/sum --checksum-algorithm $algorithm; aws s3 cp $S3/sum back --checksum-mode ENABLED; cmp middle back"
done
step 'no-overwrite' 'aws s3 cp empty "$S3/one" --no-overwrite; aws s3 cp "$S3/one" - | cmp - one'
step 'no-overwrite in parts' 'aws s3 cp middle "$S3/large" --no-overwrite; aws s3 cp "$S3/large" - | cmp - large'
step 'ls' 'aws s3 ls "$S3/"; aws s3 ls --recursive --summarize --human-readable "$S3/" | grep >/dev/null "Total Objects"'
step 'ls of buckets, by pages' 'aws s3 ls --page-size 1 | grep >/dev/null "$WORLD_BUCKET"'
step 'presign' 'curl -fsS --cacert "$WORLD_CA_FILE" "$(aws s3 presign "$S3/large")" | cmp - large'
step 'rm of one' 'aws s3 rm "$S3/one"'
[ "$1" = crt ] || {
  api() { step "$1" "aws s3api $1 --bucket $WORLD_BUCKET $2"; }
  api put-object "--key ${WORLD_PREFIX}api --body middle --checksum-algorithm CRC64NVME --content-type text/plain --metadata team=x"
  api head-object "--key ${WORLD_PREFIX}api --checksum-mode ENABLED"
  api get-object-attributes "--key ${WORLD_PREFIX}api --object-attributes ETag ObjectSize Checksum"
  api list-object-versions "--prefix $WORLD_PREFIX"
}
step 'rm of all' 'aws s3 rm --recursive "$S3/"; [ -z "$(aws s3 ls --recursive "$S3/")" ]'
