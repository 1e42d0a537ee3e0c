# DuckDB over Parquet, by session keys.
. "$(dirname "$0")/step.sh"
version duckdb
export S3="s3://$ROOT"
# set-up
cat >start.sql <<SQL
LOAD httpfs;
SET ca_cert_file = '$WORLD_CA_FILE';
CREATE SECRET (TYPE s3, KEY_ID '$AWS_ACCESS_KEY_ID', SECRET '$AWS_SECRET_ACCESS_KEY', SESSION_TOKEN '$AWS_SESSION_TOKEN',
  REGION 'us-east-1', ENDPOINT '${WORLD_ENDPOINT#https://}', URL_STYLE 'path', USE_SSL true);
SQL
# end of set-up
sql() { duckdb -bail -noheader -list -c "$(cat start.sql) $1" | tail -n 1; }
export -f sql
step 'it has S3' 'sql "SELECT 1"'
step 'parquet out and in' 'sql "COPY (SELECT range AS n FROM range(1000000)) TO '"'$S3/n.parquet'"'"; [ "$(sql "SELECT sum(n) FROM '"'$S3/n.parquet'"'")" = 499999500000 ]'
step 'a large parquet, in parts' 'sql "COPY (SELECT random() AS r FROM range(3000000)) TO '"'$S3/r.parquet'"'"; [ "$(sql "SELECT count(r) FROM '"'$S3/r.parquet'"'")" = 3000000 ]'
step 'hive partitions and a pattern' 'sql "COPY (SELECT range AS n, range % 3 AS part FROM range(1000)) TO '"'$S3/hive'"' (FORMAT parquet, PARTITION_BY (part))"; [ "$(sql "SELECT count(*) FROM read_parquet('"'$S3/hive/*/*.parquet'"') WHERE part = 1")" = 333 ]'
step 'csv with an odd name' 'sql "COPY (SELECT 42 AS n) TO '"'$S3/a b+c (1).csv'"'"; [ "$(sql "SELECT n FROM read_csv('"'$S3/a b+c (1).csv'"')")" = 42 ]'
step 'what is not there' '! sql "SELECT * FROM '"'$S3/absent.parquet'"'"'
