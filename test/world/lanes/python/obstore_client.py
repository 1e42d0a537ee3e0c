"""obstore: Rust's object_store, as Python has it, by web identity."""

import obstore
from obstore.store import S3Store
from step import ODD_KEYS, PART_BYTES, SIZES, bucket, endpoint, equal, large, prefix, refused, same, small, step, version

version("obstore")
# set-up
store = S3Store(bucket, endpoint=endpoint, region="us-east-1", virtual_hosted_style_request=False, retry_config={"max_retries": 0})
# end of set-up


def read(name):
    return obstore.get(store, prefix + name).bytes()


for size in SIZES:

    @step(f"round trip of {size} bytes")
    def _():
        obstore.put(store, prefix + f"size-{size}", large[:size], use_multipart=False)
        same(read(f"size-{size}"), large[:size])
        equal(obstore.head(store, prefix + f"size-{size}")["size"], size)


@step("put in parts")
def _():
    obstore.put(store, prefix + "large", large, use_multipart=True, chunk_size=PART_BYTES)
    same(read("large"), large)


@step("ranges")
def _():
    same(obstore.get_range(store, prefix + "large", start=5242870, end=5242900), large[5242870:5242900])
    seen = obstore.get_ranges(store, prefix + "large", starts=[0, 9_000_000], ends=[10, 9_000_010])
    equal([bytes(one) for one in seen], [large[:10], large[9_000_000:9_000_010]])


# object_store refuses an empty segment by itself.
for key in (key for key in ODD_KEYS if "//" not in key):

    @step(f"key {key}")
    def _():
        obstore.put(store, prefix + f"odd/{key}", small)
        same(read(f"odd/{key}"), small)


@step("listing")
def _():
    seen = [one["path"] for page in obstore.list(store, prefix + "odd") for one in page]
    equal(len(seen), len(ODD_KEYS) - 1)
    equal(obstore.list_with_delimiter(store, prefix)["common_prefixes"], [prefix + "odd"])


@step("copy and rename")
def _():
    obstore.copy(store, prefix + "large", prefix + "copied")
    same(read("copied"), large)
    obstore.rename(store, prefix + "copied", prefix + "renamed")
    same(read("renamed"), large)


@step("mode create")
def _():
    obstore.put(store, prefix + "once", small, mode="create")
    refused(("AlreadyExists",), lambda: obstore.put(store, prefix + "once", b"other", mode="create"))
    same(read("once"), small)


@step("mode update")
def _():
    tag = obstore.head(store, prefix + "once")["e_tag"]
    obstore.put(store, prefix + "once", b"other", mode={"e_tag": tag})
    refused(("Precondition",), lambda: obstore.put(store, prefix + "once", small, mode={"e_tag": tag}))
    same(read("once"), b"other")


@step("attributes")
def _():
    given = {"Content-Type": "text/plain", "Cache-Control": "no-cache", "team": "x"}
    obstore.put(store, prefix + "attributes", small, attributes=given)
    seen = obstore.get(store, prefix + "attributes").attributes
    equal({name: seen.get(name) for name in given}, given)


@step("signed URL")
def _():
    import ssl
    import urllib.request
    from datetime import timedelta

    from step import ca_file

    url = obstore.sign(store, "GET", prefix + "large", timedelta(seconds=60))
    same(urllib.request.urlopen(url, context=ssl.create_default_context(cafile=ca_file)).read(), large)


@step("what is not there")
def _():
    refused(("NotFound",), lambda: read("absent"))


@step("delete of many")
def _():
    names = [one["path"] for page in obstore.list(store, prefix.rstrip("/")) for one in page]
    obstore.delete(store, names)
    equal([one for page in obstore.list(store, prefix.rstrip("/")) for one in page], [])
