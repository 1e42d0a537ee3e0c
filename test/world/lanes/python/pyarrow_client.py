"""pyarrow's S3 filesystem: the AWS SDK for C++."""

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyarrow import fs
from step import ODD_KEYS, SIZES, bucket, ca_file, endpoint, equal, large, prefix, refused, same, small, step, version

version("pyarrow")
fs.initialize_s3(fs.S3LogLevel.Fatal)
# set-up
s3 = fs.S3FileSystem(endpoint_override=endpoint, region="us-east-1", tls_ca_file_path=ca_file)
# end of set-up
root = f"{bucket}/{prefix}"


def put(name, body):
    with s3.open_output_stream(root + name) as out:
        out.write(body)


def read(name):
    with s3.open_input_stream(root + name) as source:
        return source.read()


for size in SIZES:

    @step(f"round trip of {size} bytes")
    def _():
        put(f"size-{size}", large[:size])
        same(read(f"size-{size}"), large[:size])
        equal(s3.get_file_info(root + f"size-{size}").size, size)


@step("round trip in parts")
def _():
    put("large", large)
    same(read("large"), large)


@step("ranges")
def _():
    with s3.open_input_file(root + "large") as source:
        same(source.read_at(30, 5242870), large[5242870:5242900])
        same(source.read_at(100, len(large) - 7), large[-7:])


@step("metadata of a stream")
def _():
    with s3.open_output_stream(root + "typed", metadata={"Content-Type": "text/plain"}) as out:
        out.write(small)
    with s3.open_input_stream(root + "typed") as source:
        equal(source.metadata().get("Content-Type"), b"text/plain")


for key in (key for key in ODD_KEYS if "//" not in key):

    @step(f"key {key}")
    def _():
        put(f"odd/{key}", small)
        same(read(f"odd/{key}"), small)


@step("listing")
def _():
    seen = s3.get_file_info(fs.FileSelector(root + "odd", recursive=True))
    equal(len([one for one in seen if one.type == fs.FileType.File]), len(ODD_KEYS) - 1)


@step("copy and move")
def _():
    s3.copy_file(root + "large", root + "copied")
    same(read("copied"), large)
    s3.move(root + "copied", root + "moved")
    same(read("moved"), large)
    equal(s3.get_file_info(root + "copied").type, fs.FileType.NotFound)


@step("a folder is made and removed")
def _():
    s3.create_dir(root + "folder")
    equal(s3.get_file_info(root + "folder").type, fs.FileType.Directory)
    s3.delete_dir(root + "folder")


table = pa.table({"year": [2025, 2026] * 1000, "value": list(range(2000))})


@step("parquet")
def _():
    pq.write_table(table, root + "table.parquet", filesystem=s3)
    equal(pq.read_table(root + "table.parquet", filesystem=s3), table)


@step("a partitioned dataset")
def _():
    part = ds.partitioning(pa.schema([("year", pa.int64())]), flavor="hive")
    ds.write_dataset(table, root + "dataset", format="parquet", filesystem=s3, partitioning=part)
    equal(ds.dataset(root + "dataset", filesystem=s3, partitioning="hive").count_rows(filter=ds.field("year") == 2026), 1000)


@step("what is not there")
def _():
    refused(("FileNotFound", "NOT_FOUND", "NO_SUCH_KEY"), lambda: read("absent"))


@step("a folder with all in it is deleted")
def _():
    s3.delete_dir_contents(root.rstrip("/"))
    equal(s3.get_file_info(fs.FileSelector(root.rstrip("/"), recursive=True, allow_not_found=True)), [])


fs.finalize_s3()
