"""s3fs, on aiobotocore and aiohttp: what pandas, dask and zarr open."""

import s3fs
from step import LARGE_BYTES, ODD_KEYS, PART_BYTES, SIZES, bucket, equal, large, prefix, refused, same, small, step, version

version("s3fs", "aiobotocore")
# set-up
s3 = s3fs.S3FileSystem(config_kwargs={"retries": {"total_max_attempts": 1}, "s3": {"addressing_style": "path"}})
# end of set-up
root = f"{bucket}/{prefix}"

for size in SIZES:

    @step(f"round trip of {size} bytes")
    def _():
        s3.pipe(root + f"size-{size}", large[:size])
        same(s3.cat(root + f"size-{size}"), large[:size])
        equal(s3.info(root + f"size-{size}")["size"], size)


@step("a file is written in blocks")
def _():
    with s3.open(root + "large", "wb", block_size=PART_BYTES) as out:
        for at in range(0, LARGE_BYTES, 1_000_000):
            out.write(large[at : at + 1_000_000])
    same(s3.cat(root + "large"), large)


@step("seek and read")
def _():
    with s3.open(root + "large", "rb") as source:
        source.seek(5242870)
        same(source.read(30), large[5242870:5242900])
    same(s3.cat_file(root + "large", start=-7), large[-7:])


@step("append")
def _():
    s3.pipe(root + "log", large[: PART_BYTES + 1])
    with s3.open(root + "log", "ab") as out:
        out.write(small)
    same(s3.cat(root + "log"), large[: PART_BYTES + 1] + small)


for key in ODD_KEYS:

    @step(f"key {key}")
    def _():
        s3.pipe(root + f"odd/{key}", small)
        same(s3.cat(root + f"odd/{key}"), small)


@step("find, ls, du, glob")
def _():
    s3.invalidate_cache()
    equal(len(s3.find(root + "odd")), len(ODD_KEYS))
    assert root + "odd" in s3.ls(root, detail=False)
    equal(s3.du(root + "odd"), 1000 * len(ODD_KEYS))
    equal(s3.glob(root + "odd/photo*"), [root + "odd/photo (1).jpg"])


@step("cp and mv")
def _():
    s3.cp(root + "large", root + "copied")
    same(s3.cat(root + "copied"), large)
    s3.mv(root + "copied", root + "moved")
    same(s3.cat(root + "moved"), large)


@step("exclusive creation")
def _():
    s3.pipe(root + "lock", small, mode="create")
    refused(("FileExistsError",), lambda: s3.pipe(root + "lock", b"other", mode="create"))
    same(s3.cat(root + "lock"), small)


@step("exclusive creation of a large file")
def _():
    with s3.open(root + "lock-large", "xb", block_size=PART_BYTES) as out:
        out.write(large)

    def again():
        with s3.open(root + "lock-large", "xb", block_size=PART_BYTES) as out:
            out.write(large)

    refused(("FileExistsError",), again)


@step("metadata, tags, url")
def _():
    s3.pipe(root + "typed", small, Metadata={"team": "x"})
    equal(s3.metadata(root + "typed", refresh=True), {"team": "x"})
    s3.put_tags(root + "typed", {"a": "b"})
    equal(s3.get_tags(root + "typed"), {"a": "b"})
    assert s3.url(root + "typed").startswith("https://")


@step("put and get of a tree")
def _():
    import os

    os.makedirs("tree/deep")
    for name in ("one", "deep/two"):
        open(f"tree/{name}", "wb").write(small)
    s3.put("tree", root + "tree", recursive=True)
    s3.get(root + "tree", "back", recursive=True)
    same(open("back/deep/two", "rb").read(), small)


@step("what is not there")
def _():
    refused(("FileNotFoundError",), lambda: s3.cat(root + "absent"))
    equal(s3.exists(root + "absent"), False)


@step("rm, recursively")
def _():
    s3.rm(root.rstrip("/"), recursive=True)
    s3.invalidate_cache()
    equal(s3.find(root), [])
