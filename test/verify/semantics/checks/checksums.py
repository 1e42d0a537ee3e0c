"""Checksums (boto3 of Debian 12 knows CRC32, SHA-1 and SHA-256) and attributes of objects."""
import base64
import hashlib
import io
import zlib

from .here import CHECKS, MIB, PART, base64_of, check, equal, md5, random_bytes, refused, true


def checksum_check(algorithm, digest):
    name = f"Checksum{algorithm}"

    def kept(here):
        told = here.put("x", b"hello", ChecksumAlgorithm=algorithm)
        wanted = base64.b64encode(digest(b"hello")).decode()
        equal(told[name], wanted)
        equal(here.head("x", ChecksumMode="ENABLED")[name], wanted)
        equal(here.get("x", ChecksumMode="ENABLED")[name], wanted)

    def wrong(here):
        refused("BadDigest|XAmzContentChecksumMismatch", 400, lambda: here.put("x", b"hello", **{name: base64.b64encode(digest(b"no")).decode()}))
        refused("NoSuchKey", 404, lambda: here.get("x"))

    kept.__name__ = f"checksum_{algorithm}_is_kept"
    wrong.__name__ = f"checksum_{algorithm}_that_does_not_hold_is_refused"
    CHECKS.extend((kept, wrong))


checksum_check("CRC32", lambda body: zlib.crc32(body).to_bytes(4, "big"))
checksum_check("SHA1", lambda body: hashlib.sha1(body).digest())
checksum_check("SHA256", lambda body: hashlib.sha256(body).digest())


@check
def checksum_of_an_upload_in_parts(here):
    made = here.s3.create_multipart_upload(Bucket=here.bucket, Key=here.key("x"), ChecksumAlgorithm="SHA256")
    equal(made.get("ChecksumAlgorithm"), "SHA256")
    parts = []
    for number, body in enumerate((PART, b"end"), 1):
        told = here.part("x", made["UploadId"], number, body, ChecksumAlgorithm="SHA256")
        parts.append({"PartNumber": number, "ETag": told["ETag"], "ChecksumSHA256": told["ChecksumSHA256"]})
    wanted = hashlib.sha256(hashlib.sha256(PART).digest() + hashlib.sha256(b"end").digest()).digest()
    told = here.complete("x", made["UploadId"], parts)
    equal(told["ChecksumSHA256"], base64.b64encode(wanted).decode() + "-2")


@check
def checksum_of_a_stream_is_told(here):
    wanted = base64_of(hashlib.sha256(b"hello").digest())
    told = here.put("x", io.BytesIO(b"hello"), ChecksumAlgorithm="SHA256")
    equal((told["ChecksumSHA256"], here.body("x")), (wanted, b"hello"))


@check
def checksum_that_is_asked_for_leaves_the_body_as_it_is(here):
    for algorithm in ("CRC32", "SHA1", "SHA256"):
        here.put("x", io.BytesIO(random_bytes(200_000)), ChecksumAlgorithm=algorithm)
        equal(md5(here.body("x")), md5(random_bytes(200_000)))
        true("aws-chunked" not in here.head("x").get("ContentEncoding", ""), "aws-chunked is kept")


@check
def checksum_of_parts_leaves_the_body_as_it_is(here):
    upload = here.create("x", ChecksumAlgorithm="CRC32")
    parts = []
    for number, body in enumerate((PART, b"end"), 1):
        told = here.part("x", upload, number, io.BytesIO(body), ChecksumAlgorithm="CRC32")
        parts.append({"PartNumber": number, "ETag": told["ETag"]})
    here.complete("x", upload, parts)
    equal(md5(here.body("x")), md5(PART + b"end"))


@check
def checksum_of_many_deletions_is_taken(here):
    here.fill("a")
    here.s3.delete_objects(
        Bucket=here.bucket, Delete={"Objects": [{"Key": here.key("a")}]}, ChecksumAlgorithm="SHA256"
    )
    equal(here.list(2)[0], [])


def attributes(here, name, *wanted, **more):
    return here.s3.get_object_attributes(
        Bucket=here.bucket, Key=here.key(name), ObjectAttributes=list(wanted), **more
    )


@check
def attributes_of_an_object(here):
    etag = here.put("x", b"hello")["ETag"].strip('"')
    told = attributes(here, "x", "ETag", "ObjectSize", "StorageClass")
    equal((told["ETag"].strip('"'), told["ObjectSize"]), (etag, 5))


@check
def attributes_that_are_not_asked_for_are_not_told(here):
    here.put("x", b"hello")
    told = attributes(here, "x", "ObjectSize")
    equal((told["ObjectSize"], told.get("ETag")), (5, None))


@check
def attributes_of_an_upload_in_parts(here):
    here.upload("x", [PART, b"end"])
    told = attributes(here, "x", "ObjectParts", "ObjectSize")
    equal((told["ObjectSize"], told["ObjectParts"]["TotalPartsCount"]), (5 * MIB + 3, 2))


@check
def attributes_of_what_is_missing_are_refused(here):
    refused("NoSuchKey", 404, lambda: attributes(here, "nothing", "ETag"))
