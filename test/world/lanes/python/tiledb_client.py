"""TileDB: arrays and files on the AWS SDK for C++."""

import numpy as np
import tiledb
from step import LARGE_BYTES, ODD_KEYS, SIZES, bucket, ca_file, endpoint, equal, large, prefix, refused, same, small, step, version

version("tiledb")
# set-up
config = tiledb.Config(
    {
        "vfs.s3.scheme": endpoint.split("://")[0],
        "vfs.s3.endpoint_override": endpoint.split("://")[1],
        "vfs.s3.region": "us-east-1",
        "vfs.s3.use_virtual_addressing": "false",
        "vfs.s3.ca_file": ca_file,
    }
)
context = tiledb.Ctx(config)
# end of set-up
files = tiledb.VFS(ctx=context)
root = f"s3://{bucket}/{prefix}"
array = f"{root}array"


def put(name, body):
    with files.open(root + name, "wb") as out:
        out.write(body)


def read(name):
    with files.open(root + name, "rb") as source:
        return source.read()


for size in SIZES[1:]:

    @step(f"round trip of {size} bytes")
    def _():
        put(f"size-{size}", large[:size])
        same(read(f"size-{size}"), large[:size])
        equal(files.file_size(root + f"size-{size}"), size)


@step("an empty file")
def _():
    files.touch(root + "empty")
    equal(files.file_size(root + "empty"), 0)


@step("a file in parts, and a range of it")
def _():
    put("large", large)
    same(read("large"), large)
    with files.open(root + "large", "rb") as source:
        source.seek(5242870)
        same(source.read(30), large[5242870:5242900])


for key in (key for key in ODD_KEYS if "//" not in key):

    @step(f"key {key}")
    def _():
        put(f"odd/{key}", small)
        same(read(f"odd/{key}"), small)


@step("a dense array is written in two fragments and read by a slice")
def _():
    rows = tiledb.Dim(name="row", domain=(0, 1999), tile=500, dtype=np.int32)
    columns = tiledb.Dim(name="column", domain=(0, 999), tile=500, dtype=np.int32)
    value = tiledb.Attr(name="value", dtype=np.float64)
    schema = tiledb.ArraySchema(domain=tiledb.Domain(rows, columns), attrs=[value], ctx=context)
    tiledb.Array.create(array, schema, ctx=context)
    body = np.random.default_rng(1).random((2000, 1000))
    for half in (slice(0, 1000), slice(1000, 2000)):
        with tiledb.open(array, "w", ctx=context) as out:
            out[half, :] = body[half]
    with tiledb.open(array, ctx=context) as source:
        equal(bool((source[900:1100, 10:20]["value"] == body[900:1100, 10:20]).all()), True)
        equal(bool((source[:]["value"] == body).all()), True)


@step("an array's metadata")
def _():
    with tiledb.open(array, "w", ctx=context) as out:
        out.meta["team"] = "x"
    with tiledb.open(array, ctx=context) as source:
        equal(source.meta["team"], "x")


@step("fragments are consolidated and vacuumed")
def _():
    tiledb.consolidate(array, ctx=context)
    tiledb.vacuum(array, ctx=context)
    with tiledb.open(array, ctx=context) as source:
        equal(source[:]["value"].shape, (2000, 1000))


@step("list, copy, move")
def _():
    assert any(name.endswith("/large") for name in files.ls(root)), files.ls(root)
    files.move_file(root + "large", root + "moved")
    equal(files.is_file(root + "large"), False)
    equal(files.file_size(root + "moved"), LARGE_BYTES)


@step("what is not there")
def _():
    equal(files.is_file(root + "absent"), False)
    refused(("TileDBError", "not exist", "404"), lambda: read("absent"))


@step("a folder with all in it is deleted")
def _():
    files.remove_dir(root)
    equal(files.ls(root), [])
