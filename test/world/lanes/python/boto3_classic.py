"""boto3, its own transfer manager, everything by default."""

import io
import urllib.request
import ssl

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from step import LARGE_BYTES, ODD_KEYS, PART_BYTES, SIZES, bucket, ca_file, equal, large, prefix, refused, same, small, step, version

version("boto3")
config = {"retries": {"total_max_attempts": 1}, "s3": {"addressing_style": "path"}}
# set-up
s3 = boto3.client("s3", config=Config(**config))
# end of set-up
presigner = boto3.client("s3", config=Config(signature_version="s3v4", **config))
PARTS = TransferConfig(multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES)
ONE = TransferConfig(multipart_threshold=64 << 20)
ALGORITHMS = ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256")


def at(name, **more):
    return {"Bucket": bucket, "Key": prefix + name, **more}


def read(name, **more):
    return s3.get_object(**at(name, **more))["Body"].read()


def fetch(url, **more):
    context = ssl.create_default_context(cafile=ca_file)
    return urllib.request.urlopen(urllib.request.Request(url, **more), context=context).read()


@step("get_caller_identity")
def _():
    boto3.client("sts").get_caller_identity()


for size in SIZES:

    @step(f"round trip of {size} bytes")
    def _():
        body = large[:size]
        s3.put_object(**at(f"size-{size}", Body=body))
        same(read(f"size-{size}"), body)
        equal(s3.head_object(**at(f"size-{size}"))["ContentLength"], size)


for algorithm in ALGORITHMS:
    field = f"Checksum{algorithm}"

    @step(f"put_object with {algorithm}")
    def _():
        sent = s3.put_object(**at("sum", Body=small, ChecksumAlgorithm=algorithm))
        same(read("sum"), small)
        equal(s3.head_object(**at("sum", ChecksumMode="ENABLED")).get(field), sent[field])

    @step(f"upload_fileobj in parts with {algorithm}")
    def _():
        extra = {"ChecksumAlgorithm": algorithm}
        s3.upload_fileobj(io.BytesIO(large), bucket, prefix + "sums", ExtraArgs=extra, Config=PARTS)
        same(read("sums"), large)
        assert s3.head_object(**at("sums", ChecksumMode="ENABLED")).get(field), f"no {field}"

    @step(f"copy_object with {algorithm}")
    def _():
        asked = at("copied", CopySource=at("sum"), ChecksumAlgorithm=algorithm)
        assert s3.copy_object(**asked)["CopyObjectResult"].get(field), f"no {field}"
        same(read("copied"), small)


@step("upload_fileobj in parts with the CRC32 of the whole")
def _():
    import base64
    import zlib

    whole = base64.b64encode(zlib.crc32(large).to_bytes(4, "big")).decode()
    extra = {"ChecksumCRC32": whole}
    s3.upload_fileobj(io.BytesIO(large), bucket, prefix + "whole", ExtraArgs=extra, Config=PARTS)
    same(read("whole"), large)
    equal(s3.head_object(**at("whole", ChecksumMode="ENABLED")).get("ChecksumCRC32"), whole)


@step("upload_fileobj in parts with a wrong CRC32 of the whole")
def _():
    extra = {"ChecksumCRC32": "AAAAAA=="}
    upload = lambda: s3.upload_fileobj(io.BytesIO(large), bucket, prefix + "wrong", ExtraArgs=extra, Config=PARTS)
    refused(("BadDigest", "InvalidRequest"), upload)
    refused(("NoSuchKey",), lambda: read("wrong"))


@step("upload_file in one request, download_file in ranges")
def _():
    open("up", "wb").write(large)
    s3.upload_file("up", bucket, prefix + "large", Config=ONE)
    s3.download_file(bucket, prefix + "large", "down", Config=PARTS)
    same(open("down", "rb").read(), large)


@step("ranges")
def _():
    same(read("large", Range="bytes=5242870-5242899"), large[5242870:5242900])
    same(read("large", Range="bytes=-7"), large[-7:])
    refused(("InvalidRange",), lambda: read("large", Range=f"bytes={LARGE_BYTES}-"))


@step("copy in one request, and in parts")
def _():
    s3.copy(at("large"), bucket, prefix + "copied", Config=ONE)
    same(read("copied"), large)
    s3.copy(at("large"), bucket, prefix + "copied", Config=PARTS)
    same(read("copied"), large)


for key in ODD_KEYS:

    @step(f"key {key}")
    def _():
        s3.put_object(**at(f"odd/{key}", Body=small))
        same(read(f"odd/{key}"), small)
        s3.copy_object(**at(f"odd2/{key}", CopySource=at(f"odd/{key}")))
        same(read(f"odd2/{key}"), small)


def keys(operation, **more):
    pages = s3.get_paginator(operation).paginate(Bucket=bucket, PaginationConfig={"PageSize": 3}, **more)
    return [item for page in pages for item in page.get("Contents", []) + page.get("Versions", [])]


@step("listings by pages")
def _():
    wanted = sorted(prefix + "odd/" + key for key in ODD_KEYS)
    for operation in ("list_objects_v2", "list_objects"):
        equal(sorted(item["Key"] for item in keys(operation, Prefix=prefix + "odd/")), wanted)
    assert all("Owner" in item for item in keys("list_objects", Prefix=prefix + "odd/")), "no Owner"


@step("list_object_versions")
def _():
    equal(len(keys("list_object_versions", Prefix=prefix + "odd/")), len(ODD_KEYS))


@step("an upload found by listing is resumed")
def _():
    made = s3.create_multipart_upload(**at("resumed", ChecksumAlgorithm="SHA256"))
    equal(made.get("ChecksumAlgorithm"), "SHA256")
    part = lambda upload, number, body: s3.upload_part(
        **at("resumed", UploadId=upload, PartNumber=number, Body=body, ChecksumAlgorithm="SHA256")
    )
    part(made["UploadId"], 1, large[:PART_BYTES])
    uploads = s3.list_multipart_uploads(Bucket=bucket, Prefix=prefix + "resumed")["Uploads"]
    equal([upload["UploadId"] for upload in uploads], [made["UploadId"]])
    upload = uploads[0]["UploadId"]
    part(upload, 2, small)
    part(upload, 2, small)
    listed = s3.list_parts(**at("resumed", UploadId=upload))["Parts"]
    parts = [{name: one[name] for name in ("PartNumber", "ETag", "ChecksumSHA256")} for one in listed]
    s3.complete_multipart_upload(**at("resumed", UploadId=upload, MultipartUpload={"Parts": parts}))
    same(read("resumed"), large[:PART_BYTES] + small)


@step("an upload is aborted")
def _():
    upload = s3.create_multipart_upload(**at("aborted"))["UploadId"]
    s3.abort_multipart_upload(**at("aborted", UploadId=upload))
    refused(("NoSuchUpload",), lambda: s3.list_parts(**at("aborted", UploadId=upload)))


@step("conditions")
def _():
    tag = s3.put_object(**at("conditions", Body=small))["ETag"]
    same(read("conditions", IfMatch=tag), small)
    refused(("304",), lambda: read("conditions", IfNoneMatch=tag))
    refused(("PreconditionFailed",), lambda: s3.put_object(**at("conditions", Body=b"", IfNoneMatch="*")))
    refused(("PreconditionFailed",), lambda: s3.put_object(**at("conditions", Body=b"", IfMatch='"0"')))
    same(read("conditions"), small)


@step("a large write that is refused by its condition, three times")
def _():
    for _ in range(3):
        refused(("PreconditionFailed",), lambda: s3.put_object(**at("conditions", Body=large, IfNoneMatch="*")))


@step("If-None-Match: * at Complete")
def _():
    upload = s3.create_multipart_upload(**at("conditions"))["UploadId"]
    tag = s3.upload_part(**at("conditions", UploadId=upload, PartNumber=1, Body=small))["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": tag}]}
    complete = at("conditions", UploadId=upload, MultipartUpload=parts, IfNoneMatch="*")
    refused(("PreconditionFailed",), lambda: s3.complete_multipart_upload(**complete))
    same(read("conditions"), small)


@step("headers and metadata come back")
def _():
    more = {"ContentDisposition": 'attachment; filename="a.txt"', "ContentEncoding": "gzip", "CacheControl": "no-cache"}
    s3.put_object(**at("headers", Body=small, ContentType="text/plain", Metadata={"team": "x y"}, **more))
    head = s3.head_object(**at("headers"))
    equal({name: head.get(name) for name in more}, more)
    equal((head["ContentType"], head["Metadata"]), ("text/plain", {"team": "x y"}))


@step("presigned GET, PUT and POST")
def _():
    asked = {"Bucket": bucket, "Key": prefix + "presigned"}
    fetch(presigner.generate_presigned_url("put_object", Params=asked), method="PUT", data=small)
    same(fetch(presigner.generate_presigned_url("get_object", Params=asked)), small)
    post = presigner.generate_presigned_post(bucket, prefix + "posted")
    lines = [f'--b\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in post["fields"].items()]
    lines.append('--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nposted\r\n--b--\r\n')
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    fetch(post["url"], method="POST", data="".join(lines).encode(), headers=kind)
    same(read("posted"), b"posted")


@step("tags")
def _():
    tags = [{"Key": "a", "Value": "b"}]
    s3.put_object(**at("tagged", Body=small, Tagging="a=b"))
    equal(s3.get_object_tagging(**at("tagged"))["TagSet"], tags)


@step("get_object_attributes")
def _():
    asked = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]
    equal(s3.get_object_attributes(**at("large", ObjectAttributes=asked))["ObjectSize"], LARGE_BYTES)


@step("head_bucket, list_buckets by pages")
def _():
    s3.head_bucket(Bucket=bucket)
    pages = s3.get_paginator("list_buckets").paginate(PaginationConfig={"PageSize": 1})
    assert bucket in [one["Name"] for page in pages for one in page["Buckets"]]


@step("what is not there")
def _():
    refused(("NoSuchKey",), lambda: read("absent"))
    refused(("404",), lambda: s3.head_object(**at("absent")))


@step("delete_object, delete_objects")
def _():
    s3.delete_object(**at("large"))
    refused(("NoSuchKey",), lambda: read("large"))
    named = [{"Key": item["Key"]} for item in keys("list_objects_v2", Prefix=prefix)]
    equal(s3.delete_objects(Bucket=bucket, Delete={"Objects": named}).get("Errors", []), [])
    equal(keys("list_objects_v2", Prefix=prefix), [])
