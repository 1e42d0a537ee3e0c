"""Uploads in parts: from creation to completion."""
import hashlib
import io

from botocore.exceptions import ClientError

from .here import MIB, PART, check, equal, random_bytes, refused, true


@check
def upload_in_parts(here):
    told = here.upload("x", [PART, PART, b"tail"], ContentType="text/foo", Metadata={"foo": "bar"})
    head = here.head("x")
    equal((head["ContentType"], head["Metadata"]), ("text/foo", {"foo": "bar"}))
    equal(head["ContentLength"], 10 * MIB + 4)
    equal(here.body("x"), PART + PART + b"tail")
    equal(here.list(2)[2]["Contents"][0]["Size"], 10 * MIB + 4)
    true(head["ETag"].strip('"').endswith("-3"), f"the ETag {head['ETag']} does not count three parts")
    true(told["ETag"].strip('"') in (head["ETag"].strip('"'), ""), "Complete and HEAD differ in the ETag")


@check
def upload_of_one_part(here):
    here.upload("x", [b"small"])
    equal(here.body("x"), b"small")
    true(here.head("x")["ETag"].strip('"').endswith("-1"), "the ETag does not count one part")


@check
def upload_of_an_empty_part(here):
    here.upload("x", [b""])
    equal(here.body("x"), b"")


@check
def upload_reads_across_parts(here):
    body = PART + PART[::-1] + b"end"
    here.upload("x", [PART, PART[::-1], b"end"])
    for first, last in ((5 * MIB - 3, 5 * MIB + 3), (10 * MIB - 1, 10 * MIB + 1), (0, 0), (10 * MIB + 2, 10 * MIB + 2)):
        equal(here.body("x", Range=f"bytes={first}-{last}"), body[first : last + 1])


@check
def upload_with_a_part_sent_again(here):
    upload = here.create("x")
    here.part("x", upload, 1, PART[::-1])
    etag = here.part("x", upload, 1, PART)["ETag"]
    here.complete("x", upload, [{"PartNumber": 1, "ETag": etag}])
    equal(here.body("x"), PART)


@check
def upload_without_parts_is_refused(here):
    upload = here.create("x")
    refused("MalformedXML", 400, lambda: here.complete("x", upload, []))
    here.abort("x", upload)


@check
def upload_with_a_small_part_in_the_middle_is_refused(here):
    upload = here.create("x")
    parts = [{"PartNumber": n, "ETag": here.part("x", upload, n, b"small")["ETag"]} for n in (1, 2)]
    refused("EntityTooSmall", 400, lambda: here.complete("x", upload, parts))
    here.abort("x", upload)


@check
def upload_with_a_missing_part_is_refused(here):
    upload = here.create("x")
    etag = here.part("x", upload, 1, b"x")["ETag"]
    refused("InvalidPart", 400, lambda: here.complete("x", upload, [{"PartNumber": 9999, "ETag": etag}]))
    here.abort("x", upload)


@check
def upload_with_a_wrong_etag_is_refused(here):
    upload = here.create("x")
    here.part("x", upload, 1, b"x")
    wrong = '"ffffffffffffffffffffffffffffffff"'
    refused("InvalidPart", 400, lambda: here.complete("x", upload, [{"PartNumber": 1, "ETag": wrong}]))
    here.abort("x", upload)


@check
def upload_that_was_aborted_is_gone(here):
    upload = here.create("x")
    here.part("x", upload, 1, b"x")
    here.abort("x", upload)
    refused("NoSuchUpload", 404, lambda: here.part("x", upload, 2, b"x"))
    refused("NoSuchUpload", 404, lambda: here.abort("x", upload))
    refused("NoSuchKey", 404, lambda: here.get("x"))


@check
def upload_that_never_was_is_refused(here):
    refused("NoSuchUpload", 404, lambda: here.abort("x", "56788"))


@check
def uploads_are_listed_and_their_ids_taken(here):
    upload = here.create("x")
    told = here.s3.list_multipart_uploads(Bucket=here.bucket, Prefix=here.prefix)["Uploads"]
    equal([(entry["Key"], entry["UploadId"]) for entry in told], [(here.key("x"), upload)])
    etag = here.part("x", told[0]["UploadId"], 1, b"by the listed id")["ETag"]
    here.complete("x", told[0]["UploadId"], [{"PartNumber": 1, "ETag": etag}])
    equal(here.body("x"), b"by the listed id")
    equal(here.s3.list_multipart_uploads(Bucket=here.bucket, Prefix=here.prefix).get("Uploads", []), [])


@check
def parts_are_listed(here):
    upload = here.create("x")
    etags = [here.part("x", upload, number, PART)["ETag"] for number in (1, 2, 3)]
    told = here.s3.list_parts(Bucket=here.bucket, Key=here.key("x"), UploadId=upload)
    equal([(p["PartNumber"], p["ETag"], p["Size"]) for p in told["Parts"]], [(n + 1, e, 5 * MIB) for n, e in enumerate(etags)])
    page = here.s3.list_parts(Bucket=here.bucket, Key=here.key("x"), UploadId=upload, MaxParts=1, PartNumberMarker=1)
    equal(([p["PartNumber"] for p in page["Parts"]], page["IsTruncated"]), ([2], True))
    here.abort("x", upload)


@check
def upload_replaces_an_object(here):
    here.put("x", b"before")
    upload = here.create("x")
    etag = here.part("x", upload, 1, b"after")["ETag"]
    equal(here.body("x"), b"before")
    here.complete("x", upload, [{"PartNumber": 1, "ETag": etag}])
    equal(here.body("x"), b"after")


@check
def upload_parts_are_copied(here):
    here.put("source", PART + b"rest")
    upload = here.create("x")
    parts = []
    for number, (first, last) in enumerate(((0, 5 * MIB - 1), (5 * MIB, 5 * MIB + 3)), 1):
        told = here.s3.upload_part_copy(
            Bucket=here.bucket,
            Key=here.key("x"),
            UploadId=upload,
            PartNumber=number,
            CopySource={"Bucket": here.bucket, "Key": here.key("source")},
            CopySourceRange=f"bytes={first}-{last}",
        )
        parts.append({"PartNumber": number, "ETag": told["CopyPartResult"]["ETag"]})
    here.complete("x", upload, parts)
    equal(here.body("x"), PART + b"rest")


@check
def upload_part_copy_of_a_bad_range_is_refused(here):
    here.put("source", b"small")
    upload = here.create("x")
    for asked, code in (("bytes=0-21", "InvalidRange|InvalidArgument"), ("lines=1-2", "InvalidArgument")):
        try:
            here.s3.upload_part_copy(
                Bucket=here.bucket,
                Key=here.key("x"),
                UploadId=upload,
                PartNumber=1,
                CopySource={"Bucket": here.bucket, "Key": here.key("source")},
                CopySourceRange=asked,
            )
            raise AssertionError("was taken")
        except ClientError as error:
            true(error.response["Error"]["Code"] in code.split("|"), error.response["Error"]["Code"])
    here.abort("x", upload)


@check
def upload_by_the_manager_of_boto3(here):
    body = random_bytes(17 * MIB + 5)
    here.s3.upload_fileobj(io.BytesIO(body), here.bucket, here.key("x"))
    got = io.BytesIO()
    here.s3.download_fileobj(here.bucket, here.key("x"), got)
    equal(hashlib.sha256(got.getvalue()).hexdigest(), hashlib.sha256(body).hexdigest())
