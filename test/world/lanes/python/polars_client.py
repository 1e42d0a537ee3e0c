"""polars by web identity: Rust's object_store, told by the standard variables."""

import polars as pl
from step import bucket, endpoint, equal, prefix, step, version

version("polars")
# set-up
root = f"s3://{bucket}/{prefix}"
options = {"aws_endpoint_url": endpoint, "aws_region": "us-east-1", "max_retries": 0}
# end of set-up
frame = pl.DataFrame({"year": [2025, 2026] * 5000, "value": list(range(10000))})


@step("parquet is written and scanned")
def _():
    frame.write_parquet(f"{root}table.parquet", storage_options=options)
    seen = pl.scan_parquet(f"{root}table.parquet", storage_options=options).filter(pl.col("value") == 7777).collect()
    equal(seen["year"].to_list(), [2026])


@step("a large parquet is streamed out and read")
def _():
    import random

    wide = pl.DataFrame({"value": [random.random() for _ in range(1_500_000)]})
    wide.lazy().sink_parquet(f"{root}wide.parquet", storage_options=options)
    equal(pl.read_parquet(f"{root}wide.parquet", storage_options=options).equals(wide), True)


@step("csv and ndjson")
def _():
    frame.write_csv(f"{root}odd (1) ü+.csv", storage_options=options)
    equal(pl.scan_csv(f"{root}odd (1) ü+.csv", storage_options=options, glob=False).collect().equals(frame), True)


@step("hive partitions by a pattern")
def _():
    frame.write_parquet(f"{root}hive/year=2026/a.parquet", storage_options=options)
    seen = pl.scan_parquet(f"{root}hive/**/*.parquet", storage_options=options, hive_partitioning=True).collect()
    equal(seen.height, 10000)


@step("what is not there")
def _():
    try:
        pl.read_parquet(f"{root}absent.parquet", storage_options=options)
    except (FileNotFoundError, OSError, pl.exceptions.ComputeError) as error:
        assert "404" in str(error) or "not found" in str(error).lower() or "NoSuchKey" in str(error), error
        return
    raise AssertionError("was found")
