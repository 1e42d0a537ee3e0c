"""The S3 client below PyTorch's connector: mountpoint's, on the CRT with AWS-LC."""

import os

# It takes a proxy for localhost too.
for name in ("HTTP_PROXY", "HTTPS_PROXY", "https_proxy"):
    os.environ.pop(name, None)

from s3torchconnectorclient._mountpoint_s3_client import MountpointS3Client
from step import ODD_KEYS, SIZES, bucket, endpoint, equal, large, prefix, refused, same, small, step, version

version("s3torchconnectorclient")
# set-up
s3 = MountpointS3Client(
    region="us-east-1", endpoint=endpoint, force_path_style=True, part_size=5 * 1024 * 1024, user_agent_prefix="world"
)
# end of set-up


def put(name, body):
    stream = s3.put_object(bucket, prefix + name)
    stream.write(body)
    stream.close()


def read(name):
    return b"".join(s3.get_object(bucket, prefix + name))


for size in SIZES:

    @step(f"round trip of {size} bytes")
    def _():
        put(f"size-{size}", large[:size])
        same(read(f"size-{size}"), large[:size])
        equal(s3.head_object(bucket, prefix + f"size-{size}").size, size)


@step("round trip in parts")
def _():
    put("large", large)
    same(read("large"), large)


@step("a range")
def _():
    same(b"".join(s3.get_object(bucket, prefix + "large", start=5242870, end=5242900)), large[5242870:5242900])


for key in ODD_KEYS:

    @step(f"key {key}")
    def _():
        put(f"odd/{key}", small)
        same(read(f"odd/{key}"), small)


@step("listing by pages")
def _():
    pages = s3.list_objects(bucket, prefix + "odd/", delimiter="", max_keys=3)
    seen = sorted(item.key for page in pages for item in page.object_info)
    equal(seen, sorted(prefix + "odd/" + key for key in ODD_KEYS))


@step("copy")
def _():
    s3.copy_object(bucket, prefix + "large", bucket, prefix + "copied")
    same(read("copied"), large)


@step("what is not there")
def _():
    refused(("NoSuchKey", "not found", "NotFound", "does not exist"), lambda: read("absent"))


@step("delete")
def _():
    s3.delete_object(bucket, prefix + "large")
    refused(("NoSuchKey", "not found", "NotFound", "does not exist"), lambda: read("large"))
