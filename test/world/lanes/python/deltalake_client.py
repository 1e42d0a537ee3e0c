"""delta-rs: 16 commits by 8 writers at once, whose order is a conditional write."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from step import bucket, endpoint, equal, prefix, step, version

version("deltalake")
# set-up
options = {"aws_endpoint_url": endpoint, "aws_region": "us-east-1", "aws_conditional_put": "etag", "max_retries": "2"}
table = f"s3://{bucket}/{prefix}table"
# end of set-up


def commit(number):
    write_deltalake(table, pa.table({"writer": [number] * 100}), mode="append", storage_options=options)


def opened():
    return DeltaTable(table, storage_options=options)


step("a table is made")(lambda: commit(-1))


@step("16 commits by 8 writers")
def _():
    with ThreadPoolExecutor(8) as writers:
        list(writers.map(commit, range(16)))
    seen = opened().to_pyarrow_table()["writer"].to_pylist()
    equal(sorted(set(seen)), list(range(-1, 16)))
    equal(len(seen), 1700)
    equal(opened().version(), 16)


@step("delete, optimize, vacuum, checkpoint")
def _():
    opened().delete("writer < 8")
    opened().optimize.compact()
    opened().create_checkpoint()
    opened().vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    equal(len(opened().to_pyarrow_table()), 800)

# The threads of pyarrow and delta-rs may abort a process that ends by itself while they still run.
sys.stdout.flush()
os._exit(0)
