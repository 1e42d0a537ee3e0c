"""MinIO's client for Python; it logs in by its own provider for web identities."""

import io
import os
from datetime import timedelta
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.commonconfig import ComposeSource, CopySource, Tags
from minio.credentials import WebIdentityProvider
from minio.deleteobjects import DeleteObject
from step import ODD_KEYS, PART_BYTES, SIZES, bucket, ca_file, endpoint, equal, large, prefix, refused, same, small, step, version

version("minio")
# set-up
http = urllib3.PoolManager(cert_reqs="CERT_REQUIRED", ca_certs=ca_file, retries=urllib3.Retry(total=0))
token = open(os.environ["WORLD_TOKEN_FILE"]).read()
provider = WebIdentityProvider(
    jwt_provider_func=lambda: {"access_token": token, "expires_in": "3600"},
    sts_endpoint=endpoint,
    role_arn=os.environ["AWS_ROLE_ARN"],
    http_client=http,
)
client = Minio(urlsplit(endpoint).netloc, region="us-east-1", credentials=provider, http_client=http)
# end of set-up


@step("login by web identity")
def _():
    provider.retrieve()


def put(name, body, **more):
    client.put_object(bucket, prefix + name, io.BytesIO(body), len(body), **more)


def read(name, **more):
    answer = client.get_object(bucket, prefix + name, **more)
    try:
        return answer.read()
    finally:
        answer.close()
        answer.release_conn()


for size in SIZES:

    @step(f"round trip of {size} bytes")
    def _():
        put(f"size-{size}", large[:size])
        same(read(f"size-{size}"), large[:size])
        equal(client.stat_object(bucket, prefix + f"size-{size}").size, size)


@step("put_object in parts, of a known size and of none")
def _():
    put("large", large, part_size=PART_BYTES)
    same(read("large"), large)
    client.put_object(bucket, prefix + "stream", io.BytesIO(large), -1, part_size=PART_BYTES)
    same(read("stream"), large)


@step("a range")
def _():
    same(read("large", offset=5242870, length=30), large[5242870:5242900])


@step("type, metadata, tags")
def _():
    tags = Tags.new_object_tags()
    tags["a"] = "b"
    put("typed", small, content_type="text/plain", metadata={"team": "x"}, tags=tags)
    stat = client.stat_object(bucket, prefix + "typed")
    equal((stat.content_type, stat.metadata.get("x-amz-meta-team")), ("text/plain", "x"))
    equal(dict(client.get_object_tags(bucket, prefix + "typed")), {"a": "b"})


for key in ODD_KEYS:

    @step(f"key {key}")
    def _():
        put(f"odd/{key}", small)
        same(read(f"odd/{key}"), small)


@step("listing")
def _():
    seen = sorted(one.object_name for one in client.list_objects(bucket, prefix + "odd/", recursive=True))
    equal(seen, sorted(prefix + "odd/" + key for key in ODD_KEYS))


@step("copy_object, compose_object")
def _():
    client.copy_object(bucket, prefix + "copied", CopySource(bucket, prefix + "large"))
    same(read("copied"), large)
    sources = [ComposeSource(bucket, prefix + name) for name in ("large", "copied")]
    client.compose_object(bucket, prefix + "composed", sources)
    same(read("composed"), large + large)


@step("fput_object, fget_object")
def _():
    open("up", "wb").write(large)
    client.fput_object(bucket, prefix + "file", "up")
    client.fget_object(bucket, prefix + "file", "down")
    same(open("down", "rb").read(), large)


@step("presigned GET and PUT")
def _():
    url = client.presigned_put_object(bucket, prefix + "presigned", timedelta(seconds=60))
    equal(http.request("PUT", url, body=small).status, 200)
    url = client.presigned_get_object(bucket, prefix + "presigned", timedelta(seconds=60))
    same(http.request("GET", url).data, small)


@step("bucket_exists, list_buckets")
def _():
    equal(client.bucket_exists(bucket), True)
    assert bucket in [one.name for one in client.list_buckets()]


@step("what is not there")
def _():
    refused(("NoSuchKey",), lambda: read("absent"))


@step("remove_object, remove_objects")
def _():
    client.remove_object(bucket, prefix + "large")
    names = [DeleteObject(one.object_name) for one in client.list_objects(bucket, prefix, recursive=True)]
    equal(list(client.remove_objects(bucket, names)), [])
    equal(list(client.list_objects(bucket, prefix, recursive=True)), [])
