"""What a Python program does with boto3. Prints the name of each step when it succeeded, and `done`."""

import json
import os
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request

import boto3
from botocore.config import Config
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

given = json.loads(sys.argv[1])
prefix = given["prefix"]
sealed, plain = given["buckets"]["sealed"], given["buckets"]["open"]
s3 = boto3.client("s3")
# In the regions that had it, boto3 presigns by Signature Version 2 unless told otherwise.
presigner = boto3.client("s3", config=Config(signature_version="s3v4"))
small = open(given["fixtures"]["small"], "rb").read()
large = open(given["fixtures"]["large"], "rb").read()
PARTS = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
ONE_PART = TransferConfig(multipart_threshold=64 << 20)


def read(bucket, key, **more):
    return s3.get_object(Bucket=bucket, Key=key, **more)["Body"].read()


def fetch(url, **more):
    ca = os.environ.get("AWS_CA_BUNDLE")
    context = ssl.create_default_context(cafile=ca) if ca else None
    try:
        return urllib.request.urlopen(urllib.request.Request(url, **more), context=context).read()
    except urllib.error.HTTPError as error:
        sys.exit(f"{error.code}: {error.read().decode()}")


def keys(bucket, **more):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, **more)
    return [item["Key"] for page in pages for item in page.get("Contents", [])]


def refused(code, call):
    try:
        call()
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        return
    raise AssertionError("was not refused")


def step(name):
    print(name, flush=True)


identity = boto3.client("sts").get_caller_identity()
assert identity["Arn"].startswith("arn:aws:")
step("get_caller_identity")

for bucket in (sealed, plain):
    where = "encrypted" if bucket == sealed else "plain"
    name = prefix + "small ü+%'.txt"
    s3.put_object(Bucket=bucket, Key=name, Body=small, Metadata={"team": "x"})
    assert read(bucket, name) == small
    assert read(bucket, name, Range="bytes=3-9") == small[3:10]
    head = s3.head_object(Bucket=bucket, Key=name)
    assert head["ContentLength"] == len(small) and head["Metadata"] == {"team": "x"}
    step(f"put_object, get_object, head_object, {where}")
    for algorithm in ("CRC32", "SHA1", "SHA256"):
        s3.put_object(Bucket=bucket, Key=prefix + algorithm, Body=small, ChecksumAlgorithm=algorithm)
        assert read(bucket, prefix + algorithm) == small
        step(f"put_object with {algorithm}, {where}")
    s3.upload_file(given["fixtures"]["large"], bucket, prefix + "large", Config=ONE_PART)
    assert read(bucket, prefix + "large") == large
    step(f"upload_file of more than 16 MiB in one request, {where}")
    assert name in keys(bucket, PaginationConfig={"PageSize": 2})
    step(f"list_objects_v2 by pages, {where}")
    object = {"Bucket": bucket, "Key": prefix + "presigned"}
    fetch(presigner.generate_presigned_url("put_object", Params=object), method="PUT", data=small)
    assert fetch(presigner.generate_presigned_url("get_object", Params=object)) == small
    step(f"presigned PUT and GET, {where}")
    refused("NoSuchKey", lambda: read(bucket, prefix + "absent"))
    refused("PreconditionFailed", lambda: s3.put_object(Bucket=bucket, Key=name, Body=b"", IfNoneMatch="*"))
    step(f"errors by code, {where}")

for bucket in (sealed, plain):
    where = "encrypted" if bucket == sealed else "plain"
    s3.upload_file(given["fixtures"]["large"], bucket, prefix + "parts", Config=PARTS)
    assert s3.head_object(Bucket=bucket, Key=prefix + "parts")["ContentLength"] == len(large)
    copy = os.path.join(given["folder"], "parts")
    s3.download_file(bucket, prefix + "parts", copy, Config=PARTS)
    assert open(copy, "rb").read() == large
    step(f"upload_file and download_file of several parts, {where}")
    if bucket == sealed:
        stored = urllib.request.urlopen(given["storedUrl"] + urllib.parse.quote(prefix + "parts", "")).read()
        assert len(stored) > len(large) and not any(large[at : at + 16] in stored for at in range(0, len(large) - 16, 1 << 20))
        step("what is stored is ciphertext")
    s3.copy({"Bucket": bucket, "Key": prefix + "parts"}, bucket, prefix + "copied", Config=PARTS)
    assert read(bucket, prefix + "copied") == large
    step(f"copy of several parts, {where}")

for bucket in (sealed, plain):
    s3.delete_object(Bucket=bucket, Key=prefix + "presigned")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys(bucket)]})
    assert "Errors" not in answer, answer["Errors"]
    assert keys(bucket) == []
    step(f"delete_object and delete_objects, {'encrypted' if bucket == sealed else 'plain'}")
print("done")
