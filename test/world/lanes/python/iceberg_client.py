"""Iceberg by pyiceberg: tables whose files pyarrow reads and writes, their catalog in a file beside the program."""

import os

import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import StaticTable
from step import bucket, endpoint, equal, prefix, refused, step, version

version("pyiceberg", "pyarrow")
# set-up
catalog = SqlCatalog(
    "world",
    **{
        "uri": "sqlite:///catalog.db",
        "warehouse": f"s3://{bucket}/{prefix}warehouse",
        "s3.endpoint": endpoint,
        "s3.region": "us-east-1",
        "s3.access-key-id": os.environ["AWS_ACCESS_KEY_ID"],
        "s3.secret-access-key": os.environ["AWS_SECRET_ACCESS_KEY"],
        "s3.session-token": os.environ["AWS_SESSION_TOKEN"],
    },
)
# end of set-up
rows = pa.table({"year": pa.array([2025, 2026] * 500, pa.int64()), "value": pa.array(range(1000), pa.int64())})


def opened():
    return catalog.load_table("test.events")


@step("a table is made and appended to")
def _():
    catalog.create_namespace("test")
    catalog.create_table("test.events", schema=rows.schema).append(rows)
    equal(opened().scan().to_arrow().num_rows, 1000)


@step("a scan with a filter and columns")
def _():
    seen = opened().scan(row_filter="value = 777", selected_fields=("year",)).to_arrow()
    equal(seen["year"].to_pylist(), [2026])


@step("a large append, in parts")
def _():
    wide = pa.table({"year": pa.array([2027] * 3_000_000, pa.int64()), "value": pa.array(range(3_000_000), pa.int64())})
    opened().append(wide)
    equal(opened().scan(row_filter="year = 2027").to_arrow().num_rows, 3_000_000)


@step("delete and overwrite")
def _():
    opened().delete("year = 2027")
    opened().overwrite(rows.slice(0, 500))
    equal(opened().scan().to_arrow().num_rows, 500)


@step("an earlier snapshot")
def _():
    first = opened().history()[0].snapshot_id
    equal(opened().scan(snapshot_id=first).to_arrow().num_rows, 1000)


@step("the schema grows")
def _():
    from pyiceberg.types import StringType

    with opened().update_schema() as change:
        change.add_column("note", StringType())
    equal(opened().scan(limit=1).to_arrow()["note"].to_pylist(), [None])


@step("partitions, with names that are hard to encode")
def _():
    from pyiceberg.transforms import IdentityTransform

    named = pa.table({"name": ["a b+c", "ü", "100%", "q?x#y&z"], "value": [1, 2, 3, 4]})
    table = catalog.create_table("test.named", schema=named.schema)
    with table.update_spec() as change:
        change.add_field("name", IdentityTransform(), "name")
    table.append(named)
    equal(table.scan(row_filter="name = 'a b+c'").to_arrow()["value"].to_pylist(), [1])
    equal(table.scan().to_arrow().num_rows, 4)


@step("what is not there")
def _():
    absent = f"s3://{bucket}/{prefix}absent.json"
    refused(("FileNotFoundError",), lambda: StaticTable.from_metadata(absent, catalog.properties))


@step("a table is dropped with its files")
def _():
    catalog.purge_table("test.events")
    equal(catalog.list_tables("test"), [("test", "named")])
