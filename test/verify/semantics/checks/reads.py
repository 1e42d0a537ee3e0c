"""Reads: ranges, and headers of the answer that the request names."""
import datetime

from botocore.exceptions import ClientError

from .here import (
    CHECKS,
    MIB,
    NO_ETAG,
    Here,
    check,
    equal,
    md5,
    random_bytes,
    refused,
    status_of,
    together,
    true,
    with_header,
)

RANGE_BODY = random_bytes(200_000)


def range_check(label, asked, first, last):
    def run(here):
        here.put("x", RANGE_BODY)
        got = here.get("x", Range=asked)
        equal(got["Body"].read(), RANGE_BODY[first : last + 1])
        equal(got["ContentRange"], f"bytes {first}-{last}/200000")
        equal(got["ResponseMetadata"]["HTTPStatusCode"], 206)
        equal(got["AcceptRanges"], "bytes")

    run.__name__ = f"range_{label}"
    CHECKS.append(run)


range_check("of_the_first_byte", "bytes=0-0", 0, 0)
range_check("in_the_middle", "bytes=4-70000", 4, 70000)
range_check("without_an_end", "bytes=131072-", 131072, 199999)
range_check("of_a_suffix", "bytes=-7", 199993, 199999)
range_check("of_a_suffix_that_is_longer", "bytes=-300000", 0, 199999)
range_check("that_ends_beyond", "bytes=199000-900000", 199000, 199999)


@check
def range_beyond_the_end_is_refused(here):
    here.put("x", b"hello")
    told = refused("InvalidRange", 416, lambda: here.get("x", Range="bytes=40-50"))
    equal(told["ResponseMetadata"]["HTTPHeaders"].get("content-range", "bytes */5"), "bytes */5")


@check
def range_of_an_empty_object_is_refused(here):
    here.put("x", b"")
    refused("InvalidRange", 416, lambda: here.get("x", Range="bytes=0-1"))


@check
def range_that_is_none_is_ignored(here):
    here.put("x", b"hello")
    equal(here.body("x", Range="lines=1-2"), b"hello")


range_check("of_the_last_byte", "bytes=199999-199999", 199999, 199999)
range_check("of_the_last_byte_by_suffix", "bytes=-1", 199999, 199999)
range_check("of_all", "bytes=0-199999", 0, 199999)
range_check("across_a_boundary_of_64_kib", "bytes=65535-65536", 65535, 65536)


@check
def range_of_a_short_object(here):
    here.put("x", b"testcontent")
    for asked, body, told in (
        ("bytes=4-7", b"cont", "bytes 4-7/11"),
        ("bytes=4-", b"content", "bytes 4-10/11"),
        ("bytes=-7", b"content", "bytes 4-10/11"),
    ):
        got = here.get("x", Range=asked)
        equal((got["Body"].read(), got["ContentRange"], got["ContentLength"]), (body, told, len(body)))


@check
def range_of_a_large_object(here):
    body = random_bytes(8 * MIB)
    here.put("x", body)
    got = here.get("x", Range="bytes=3145728-5242880")
    equal(got["ContentRange"], "bytes 3145728-5242880/8388608")
    equal(md5(got["Body"].read()), md5(body[3145728:5242881]))


@check
def range_of_a_head(here):
    here.put("x", b"testcontent")
    head = here.head("x", Range="bytes=4-7")
    equal((head["ContentLength"], head["ResponseMetadata"]["HTTPStatusCode"]), (4, 206))


@check
def range_goes_with_a_condition(here):
    etag = here.put("x", b"testcontent")["ETag"]
    equal(here.body("x", Range="bytes=4-7", IfMatch=etag), b"cont")
    refused("PreconditionFailed", 412, lambda: here.get("x", Range="bytes=4-7", IfMatch=NO_ETAG))
    refused(None, 304, lambda: here.get("x", Range="bytes=4-7", IfNoneMatch=etag))


@check
def range_that_ends_before_it_begins(here):
    here.put("x", b"testcontent")
    true(status_of(lambda: here.get("x", Range="bytes=7-4")) in (200, 416), "is neither ignored nor refused")


@check
def ranges_of_two_are_not_mixed(here):
    here.put("x", b"testcontent")
    try:
        true(here.body("x", Range="bytes=0-1,4-5") in (b"testcontent", b"te"), "a mixture")
    except ClientError as error:
        equal(error.response["ResponseMetadata"]["HTTPStatusCode"], 416)


@check
def ranges_go_through_a_whole_object(here):
    here.put("x", RANGE_BODY)
    read = b"".join(here.body("x", Range=f"bytes={at}-{at + 29_999}") for at in range(0, 200_000, 30_000))
    equal(md5(read), md5(RANGE_BODY))


@check
def if_range_gives_the_range_where_it_matches_and_all_where_not(here):
    etag = here.put("x", b"testcontent")["ETag"]
    with_header(here, "GetObject", "If-Range", etag)
    equal(here.body("x", Range="bytes=4-7"), b"cont")
    other = with_header(Here("if_range_gives_the_range_where_it_matches_and_all_where_not"), "GetObject", "If-Range", NO_ETAG)
    equal(other.body("x", Range="bytes=4-7"), b"testcontent")


@check
def answer_headers_are_overridden(here):
    here.put("x", b"x", ContentType="text/plain")
    got = here.get(
        "x",
        ResponseCacheControl="no-cache",
        ResponseContentDisposition="bla",
        ResponseContentEncoding="aaa",
        ResponseContentLanguage="esperanto",
        ResponseContentType="foo/bar",
        ResponseExpires=datetime.datetime(2030, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc),
    )
    equal(
        [got[name] for name in ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType")],
        ["no-cache", "bla", "aaa", "esperanto", "foo/bar"],
    )
    equal(got["ResponseMetadata"]["HTTPHeaders"]["expires"], "Wed, 02 Jan 2030 03:04:05 GMT")


@check
def answer_headers_are_overridden_in_a_range(here):
    here.put("x", b"testcontent", ContentType="text/plain")
    got = here.get("x", Range="bytes=4-7", ResponseContentType="foo/bar", ResponseCacheControl="no-cache")
    equal((got["Body"].read(), got["ContentType"], got["CacheControl"]), (b"cont", "foo/bar", "no-cache"))


@check
def answer_headers_are_overridden_once_only(here):
    here.put("x", b"x", ContentType="text/plain")
    here.get("x", ResponseContentType="foo/bar")
    equal(here.get("x")["ContentType"], "text/plain")


@check
def part_one_of_an_object_without_parts_is_all_of_it(here):
    here.put("x", b"testcontent")
    equal(here.body("x", PartNumber=1), b"testcontent")


@check
def object_is_read_in_pieces(here):
    here.put("x", RANGE_BODY)
    stream = here.get("x")["Body"]
    equal(stream.read(10) + stream.read(70_000) + stream.read(), RANGE_BODY)


@check
def object_is_read_by_six_at_once(here):
    here.put("x", RANGE_BODY)
    equal([md5(body) for body in together(*[lambda: here.body("x")] * 6)], [md5(RANGE_BODY)] * 6)
