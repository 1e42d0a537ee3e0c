"""Uploads in parts: sizes, parts sent again, listings, parts that are copied, and what is refused."""
import hashlib

from botocore.exceptions import ClientError

from .here import (
    CHECKS,
    ENCRYPTED,
    GIVEN,
    MIB,
    PART,
    base64_of,
    check,
    connect,
    equal,
    md5,
    now,
    random_bytes,
    refused,
    signed_headers,
    together,
    true,
    url_of,
)

KIB = 1024


def size_check(label, *sizes):
    def run(here):
        parts = [random_bytes(size) for size in sizes]
        here.upload("x", parts)
        body = b"".join(parts)
        equal(here.head("x")["ContentLength"], len(body))
        equal(md5(here.body("x")), md5(body))
        for at in range(0, len(body), 3_000_000):
            equal(here.body("x", Range=f"bytes={at}-{at + 999}"), body[at : at + 1000])

    run.__name__ = f"upload_of_{label}"
    CHECKS.append(run)


size_check("one_full_part", 5 * MIB)
size_check("a_part_and_100_kib", 5 * MIB, 100 * KIB)
size_check("a_part_and_600_kib", 5 * MIB, 600 * KIB)
size_check("parts_of_several_sizes", 5 * MIB, 7 * MIB + 1, 5 * MIB + 65_535, 1)
size_check("six_parts", *[5 * MIB] * 6)


def numbered(here, name, upload, parts):
    """Sends the parts in the order given; gives what the completion names, in the order of numbers."""
    told = {number: here.part(name, upload, number, body)["ETag"] for number, body in parts}
    return [{"PartNumber": number, "ETag": told[number]} for number in sorted(told)]


@check
def upload_of_parts_that_leave_numbers_out(here):
    upload = here.create("x")
    here.complete("x", upload, numbered(here, "x", upload, [(3, PART), (17, PART[::-1]), (10_000, b"end")]))
    equal(md5(here.body("x")), md5(PART + PART[::-1] + b"end"))


@check
def upload_of_parts_sent_in_reverse(here):
    upload = here.create("x")
    here.complete("x", upload, numbered(here, "x", upload, [(3, b"end"), (2, PART[::-1]), (1, PART)]))
    equal(md5(here.body("x")), md5(PART + PART[::-1] + b"end"))


@check
def upload_of_parts_sent_at_once(here):
    upload = here.create("x")
    bodies = [PART, PART[::-1], b"end"]
    told = together(*[lambda n=n, body=body: here.part("x", upload, n, body)["ETag"] for n, body in enumerate(bodies, 1)])
    here.complete("x", upload, [{"PartNumber": n, "ETag": etag} for n, etag in enumerate(told, 1)])
    equal(md5(here.body("x")), md5(b"".join(bodies)))


@check
def upload_completed_in_a_wrong_order_is_refused(here):
    upload = here.create("x")
    parts = numbered(here, "x", upload, [(1, PART), (2, b"end")])
    refused("InvalidPartOrder", 400, lambda: here.complete("x", upload, parts[::-1]))
    here.abort("x", upload)


@check
def upload_completed_with_etags_without_quotes(here):
    upload = here.create("x")
    parts = numbered(here, "x", upload, [(1, PART), (2, b"end")])
    here.complete("x", upload, [{**part, "ETag": part["ETag"].strip('"')} for part in parts])
    equal(here.head("x")["ContentLength"], 5 * MIB + 3)


@check
def upload_completed_with_some_of_its_parts(here):
    upload = here.create("x")
    parts = numbered(here, "x", upload, [(1, PART), (2, b"left out"), (3, b"end")])
    here.complete("x", upload, [parts[0], parts[2]])
    equal(md5(here.body("x")), md5(PART + b"end"))


@check
def upload_completed_twice_is_one_object(here):
    upload = here.create("x")
    parts = numbered(here, "x", upload, [(1, b"small")])
    here.complete("x", upload, parts)
    try:
        here.complete("x", upload, parts)
    except ClientError as error:
        equal(error.response["Error"]["Code"], "NoSuchUpload")
    equal(here.body("x"), b"small")


@check
def upload_of_ten_small_parts_is_refused(here):
    upload = here.create("x")
    parts = numbered(here, "x", upload, [(number, b"s" * 10_240) for number in range(1, 11)])
    refused("EntityTooSmall", 400, lambda: here.complete("x", upload, parts))
    here.abort("x", upload)


@check
def upload_etag_is_the_md5_of_md5s_where_it_is_not_encrypted(here):
    here.upload("x", [PART, b"end"])
    wanted = hashlib.md5(hashlib.md5(PART).digest() + hashlib.md5(b"end").digest()).hexdigest() + "-2"
    told = here.head("x")["ETag"].strip('"')
    true((told == wanted) != ENCRYPTED, told)


def number_check(label, number):
    def run(here):
        upload = here.create("x")
        refused("InvalidArgument|InvalidPart", 400, lambda: here.part("x", upload, number, b"x"))
        here.abort("x", upload)

    run.__name__ = f"upload_part_{label}_is_refused"
    CHECKS.append(run)


number_check("zero", 0)
number_check("ten_thousand_and_one", 10_001)


@check
def upload_part_with_an_md5_that_does_not_hold_is_refused(here):
    upload = here.create("x")
    wrong = base64_of(hashlib.md5(b"other").digest())
    refused("BadDigest", 400, lambda: here.part("x", upload, 1, b"x", ContentMD5=wrong))
    here.abort("x", upload)


@check
def upload_part_with_an_md5_that_holds(here):
    upload = here.create("x")
    etag = here.part("x", upload, 1, b"x", ContentMD5=base64_of(hashlib.md5(b"x").digest()))["ETag"]
    here.complete("x", upload, [{"PartNumber": 1, "ETag": etag}])
    equal(here.body("x"), b"x")


@check
def upload_that_never_was_takes_no_part(here):
    refused("NoSuchUpload", 404, lambda: here.part("x", "56788", 1, b"x"))
    refused("NoSuchUpload", 404, lambda: here.complete("x", "56788", [{"PartNumber": 1, "ETag": "a"}]))
    list_parts = lambda: here.s3.list_parts(Bucket=here.bucket, Key=here.key("x"), UploadId="56788")
    refused("NoSuchUpload", 404, list_parts)


@check
def upload_that_is_aborted_leaves_the_object_of_before(here):
    here.put("x", b"before")
    upload = here.create("x")
    here.part("x", upload, 1, b"after")
    equal(here.body("x"), b"before")
    here.abort("x", upload)
    equal(here.body("x"), b"before")


@check
def upload_that_is_aborted_is_listed_no_more(here):
    upload = here.create("x")
    here.part("x", upload, 1, PART)
    here.abort("x", upload)
    equal(uploads_of(here), [])
    refused("NoSuchUpload", 404, lambda: here.s3.list_parts(Bucket=here.bucket, Key=here.key("x"), UploadId=upload))


@check
def upload_of_two_parts_replaces_an_object(here):
    here.put("x", random_bytes(MIB))
    here.upload("x", [PART, PART])
    equal(md5(here.body("x")), md5(PART + PART))


def sent_again(label, again):
    def run(here):
        bodies = {1: PART, 2: PART[::-1], 3: random_bytes(1000)}
        upload = here.create("x", ContentType="text/bla", Metadata={"foo": "bar"})
        told = {number: here.part("x", upload, number, body)["ETag"] for number, body in bodies.items()}
        for number in again:
            told[number] = here.part("x", upload, number, bodies[number])["ETag"]
        here.complete("x", upload, [{"PartNumber": number, "ETag": told[number]} for number in bodies])
        got = here.get("x")
        equal((got["ContentType"], got["Metadata"]), ("text/bla", {"foo": "bar"}))
        equal(md5(got["Body"].read()), md5(b"".join(bodies.values())))

    run.__name__ = f"upload_of_which_{label}_is_sent_again"
    CHECKS.append(run)


sent_again("the_middle", [2])
sent_again("the_last", [3])
sent_again("every_part", [1, 2, 3])


@check
def upload_part_that_ends_last_is_the_one_that_counts(here):
    upload = here.create("x")

    class Slow:
        """A part of which the body is read while the same part is sent anew."""

        def __init__(self):
            self.rest = [b"A" * 4, b"A" * 4]

        def __len__(self):
            return 8

        def read(self, _=-1):
            if len(self.rest) == 1:
                here.part("x", upload, 1, b"B" * 8)
            return self.rest.pop(0) if self.rest else b""

    url = url_of(here.bucket, here.key("x")) + f"?partNumber=1&uploadId={upload}"
    connection = connect()
    path = url[len(GIVEN["endpoint"]):]
    connection.request("PUT", path, body=Slow(), headers={**signed_headers("PUT", url, b"A" * 8), "Content-Length": "8"})
    told = connection.getresponse()
    told.read()
    equal(told.status, 200)
    here.complete("x", upload, [{"PartNumber": 1, "ETag": told.getheader("etag")}])
    equal(here.body("x"), b"A" * 8)


def uploads_of(here, **more):
    told = here.s3.list_multipart_uploads(Bucket=here.bucket, Prefix=here.prefix, **more)
    return [(entry["Key"][len(here.prefix):], entry["UploadId"]) for entry in told.get("Uploads", [])]


@check
def uploads_of_one_key_are_listed_each(here):
    made = [("x", here.create("x")), ("x", here.create("x")), ("y", here.create("y"))]
    equal(sorted(uploads_of(here)), sorted(made))
    for name, upload in made:
        here.abort(name, upload)
    equal(uploads_of(here), [])


@check
def uploads_are_listed_page_by_page(here):
    made = [(name, here.create(name)) for name in ("a", "b", "b", "c")]
    seen, more = [], {}
    for _ in range(8):
        told = here.s3.list_multipart_uploads(Bucket=here.bucket, Prefix=here.prefix, MaxUploads=1, **more)
        seen += [(entry["Key"][len(here.prefix):], entry["UploadId"]) for entry in told.get("Uploads", [])]
        if not told["IsTruncated"]:
            break
        more = {"KeyMarker": told["NextKeyMarker"], "UploadIdMarker": told["NextUploadIdMarker"]}
    for name, upload in made:
        here.abort(name, upload)
    equal(sorted(seen), sorted(made))


@check
def uploads_are_grouped_by_a_delimiter(here):
    made = [(name, here.create(name)) for name in ("a/1", "a/2", "b")]
    told = here.s3.list_multipart_uploads(Bucket=here.bucket, Prefix=here.prefix, Delimiter="/")
    for name, upload in made:
        here.abort(name, upload)
    equal([entry["Key"] for entry in told["Uploads"]], [here.key("b")])
    equal([entry["Prefix"] for entry in told["CommonPrefixes"]], [here.key("a/")])


@check
def uploads_say_who_began_them_and_when(here):
    upload = here.create("x")
    told = here.s3.list_multipart_uploads(Bucket=here.bucket, Prefix=here.prefix)["Uploads"][0]
    here.abort("x", upload)
    true(told["Initiator"]["ID"] and told["Owner"]["ID"], "nobody")
    true(abs((told["Initiated"] - now()).total_seconds()) < 600, "Initiated is not now")


@check
def parts_are_listed_page_by_page_to_the_end(here):
    upload = here.create("x")
    for number in (1, 2, 5):
        here.part("x", upload, number, b"small")
    pages = here.s3.get_paginator("list_parts").paginate(
        Bucket=here.bucket, Key=here.key("x"), UploadId=upload, PaginationConfig={"PageSize": 1}
    )
    equal([(part["PartNumber"], part["Size"]) for page in pages for part in page["Parts"]], [(1, 5), (2, 5), (5, 5)])
    here.abort("x", upload)


@check
def parts_that_are_sent_again_are_listed_once(here):
    upload = here.create("x")
    here.part("x", upload, 1, b"before")
    here.part("x", upload, 1, b"after it")
    told = here.s3.list_parts(Bucket=here.bucket, Key=here.key("x"), UploadId=upload)["Parts"]
    equal([(part["PartNumber"], part["Size"]) for part in told], [(1, 8)])
    here.abort("x", upload)


def copied(here, source, ranges, version=None):
    """An object of which each part is a range of another; None is all of it."""
    upload, parts = here.create("x"), []
    from_ = {"Bucket": here.bucket, "Key": here.key(source), **({"VersionId": version} if version else {})}
    for number, asked in enumerate(ranges, 1):
        more = {"CopySourceRange": asked} if asked else {}
        told = here.s3.upload_part_copy(
            Bucket=here.bucket, Key=here.key("x"), UploadId=upload, PartNumber=number, CopySource=from_, **more
        )
        parts.append({"PartNumber": number, "ETag": told["CopyPartResult"]["ETag"]})
    here.complete("x", upload, parts)
    return here.body("x")


@check
def upload_part_copy_of_one_byte(here):
    here.put("source", random_bytes(7 * MIB))
    equal(copied(here, "source", ["bytes=0-0"]), random_bytes(7 * MIB)[:1])


@check
def upload_part_copy_without_a_range(here):
    here.put("source", b"ten bytes.")
    equal(copied(here, "source", [None]), b"ten bytes.")


@check
def upload_part_copy_of_parts_of_several_sizes(here):
    body = random_bytes(12 * MIB)
    here.put("source", body)
    for size in (5 * MIB, 5 * MIB + 100 * KIB, 10 * MIB + 600 * KIB):
        ranges = [f"bytes={at}-{min(at + 5 * MIB, size) - 1}" for at in range(0, size, 5 * MIB)]
        equal(md5(copied(here, "source", ranges)), md5(body[:size]))


@check
def upload_part_copy_of_names_with_signs(here):
    for name in (" ", "_", "__", "?versionId"):
        here.put(name, f"of {name}".encode())
        equal(copied(here, name, [None]), f"of {name}".encode())


@check
def upload_part_copy_of_a_version(here):
    here.in_bucket("versioned")
    ids = [here.put("source", body)["VersionId"] for body in (b"first", b"second")]
    equal([copied(here, "source", [None], version) for version in ids], [b"first", b"second"])


@check
def upload_part_copy_of_an_upload_in_parts(here):
    here.upload("source", [PART, b"end"])
    equal(copied(here, "source", [f"bytes={5 * MIB - 2}-{5 * MIB + 1}"]), PART[-2:] + b"en")


def range_form(label, asked):
    def run(here):
        here.put("source", b"small")
        upload = here.create("x")
        call = lambda: here.s3.upload_part_copy(
            Bucket=here.bucket,
            Key=here.key("x"),
            UploadId=upload,
            PartNumber=1,
            CopySource={"Bucket": here.bucket, "Key": here.key("source")},
            CopySourceRange=asked,
        )
        refused("InvalidArgument", 400, call)
        here.abort("x", upload)

    run.__name__ = f"upload_part_copy_of_a_range_{label}_is_refused"
    CHECKS.append(run)


range_form("without_a_unit", "0-2")
range_form("without_an_end", "bytes=0")
range_form("of_words", "bytes=hello-world")
range_form("that_ends_with_a_word", "bytes=0-bar")
range_form("that_begins_with_a_word", "bytes=hello-")
range_form("of_two", "bytes=0-2,3-5")
