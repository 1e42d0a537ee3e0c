"""Conditions of reads, writes and deletions."""
from .here import (
    HOUR,
    NO_ETAG,
    YESTERDAY,
    Here,
    check,
    equal,
    now,
    once_over,
    refused,
    send,
    status_of,
    true,
    url_of,
    with_header,
)


@check
def read_if_match(here):
    etag = here.put("x", b"x")["ETag"]
    equal(here.body("x", IfMatch=etag), b"x")
    refused("PreconditionFailed", 412, lambda: here.get("x", IfMatch='"ABCORZ"'))


@check
def read_if_none_match(here):
    etag = here.put("x", b"x")["ETag"]
    refused(None, 304, lambda: here.get("x", IfNoneMatch=etag))
    equal(here.body("x", IfNoneMatch='"ABCORZ"'), b"x")


@check
def read_if_modified_since(here):
    here.put("x", b"x")
    equal(here.body("x", IfModifiedSince=YESTERDAY), b"x")
    modified = once_over(here.head("x")["LastModified"])
    refused(None, 304, lambda: here.get("x", IfModifiedSince=modified))


@check
def read_if_unmodified_since(here):
    here.put("x", b"x")
    refused("PreconditionFailed", 412, lambda: here.get("x", IfUnmodifiedSince=YESTERDAY))
    equal(here.body("x", IfUnmodifiedSince=now() + HOUR), b"x")


@check
def head_conditions(here):
    etag = here.put("x", b"x")["ETag"]
    refused(None, 412, lambda: here.head("x", IfMatch='"ABCORZ"'))
    refused(None, 304, lambda: here.head("x", IfNoneMatch=etag))


@check
def write_if_none_match_any(here):
    with_header(here, "PutObject", "If-None-Match", "*")
    here.put("x", b"one")
    refused("PreconditionFailed", 412, lambda: here.put("x", b"two"))
    equal(here.body("x"), b"one")


@check
def write_if_match(here):
    etag = here.put("x", b"one")["ETag"]
    with_header(here, "PutObject", "If-Match", '"0123456789abcdef0123456789abcdef"')
    refused("PreconditionFailed", 412, lambda: here.put("x", b"two"))
    here = Here("write_if_match")
    with_header(here, "PutObject", "If-Match", etag)
    here.put("x", b"two")
    equal(here.body("x"), b"two")


@check
def read_if_match_any(here):
    here.put("x", b"x")
    equal(here.body("x", IfMatch="*"), b"x")


@check
def read_if_none_match_any(here):
    here.put("x", b"x")
    refused(None, 304, lambda: here.get("x", IfNoneMatch="*"))


@check
def read_if_match_without_quotes(here):
    etag = here.put("x", b"x")["ETag"].strip('"')
    equal(here.body("x", IfMatch=etag), b"x")
    refused("PreconditionFailed", 412, lambda: here.get("x", IfMatch="ABCORZ"))


@check
def read_if_none_match_without_quotes(here):
    etag = here.put("x", b"x")["ETag"].strip('"')
    refused(None, 304, lambda: here.get("x", IfNoneMatch=etag))
    equal(here.body("x", IfNoneMatch="ABCORZ"), b"x")


@check
def read_if_match_goes_before_if_unmodified_since(here):
    etag = here.put("x", b"x")["ETag"]
    equal(here.body("x", IfMatch=etag, IfUnmodifiedSince=YESTERDAY), b"x")


@check
def read_if_none_match_goes_before_if_modified_since(here):
    etag = here.put("x", b"x")["ETag"]
    refused(None, 304, lambda: here.get("x", IfNoneMatch=etag, IfModifiedSince=YESTERDAY))


@check
def read_if_match_and_unmodified_since_both_hold(here):
    etag = here.put("x", b"x")["ETag"]
    equal(here.body("x", IfMatch=etag, IfUnmodifiedSince=now() + HOUR), b"x")
    refused("PreconditionFailed", 412, lambda: here.get("x", IfMatch=NO_ETAG, IfUnmodifiedSince=now() + HOUR))


@check
def read_if_none_match_and_modified_since_both_hold(here):
    here.put("x", b"x")
    equal(here.body("x", IfNoneMatch=NO_ETAG, IfModifiedSince=YESTERDAY), b"x")


@check
def read_if_modified_since_the_moment_itself(here):
    here.put("x", b"x")
    moment = once_over(here.head("x")["LastModified"])
    refused(None, 304, lambda: here.get("x", IfModifiedSince=moment))


@check
def read_with_a_date_that_is_none_is_answered(here):
    here.put("x", b"x")
    with_header(here, "GetObject", "If-Modified-Since", "yesterday")
    true(status_of(lambda: here.get("x")) in (200, 400), "is neither ignored nor refused")


@check
def read_of_what_is_missing_is_refused_before_its_condition(here):
    refused("NoSuchKey", 404, lambda: here.get("nothing", IfMatch=NO_ETAG))
    refused("NoSuchKey", 404, lambda: here.get("nothing", IfNoneMatch="*"))


@check
def head_if_modified_since(here):
    here.put("x", b"x")
    here.head("x", IfModifiedSince=YESTERDAY)
    modified = once_over(here.head("x")["LastModified"])
    refused(None, 304, lambda: here.head("x", IfModifiedSince=modified))


@check
def head_if_unmodified_since(here):
    here.put("x", b"x")
    here.head("x", IfUnmodifiedSince=now() + HOUR)
    refused(None, 412, lambda: here.head("x", IfUnmodifiedSince=YESTERDAY))


@check
def head_conditions_that_hold(here):
    etag = here.put("x", b"x")["ETag"]
    here.head("x", IfMatch=etag)
    here.head("x", IfNoneMatch=NO_ETAG)


@check
def not_modified_is_answered_without_a_body(here):
    etag = here.put("x", b"x")["ETag"]
    told = send("GET", url_of(here.bucket, here.key("x")), headers={"If-None-Match": etag})
    equal((told.status, told.body, told.headers.get("etag", etag)), (304, b"", etag))


def conditional(here, operation, name, value):
    """Another client, of which each call of the operation bears the condition."""
    other = Here("conditional")
    other.prefix, other.bucket = here.prefix, here.bucket
    return with_header(other, operation, name, value)


@check
def ceph_write_if_match_any_replaces(here):
    here.put("x", b"one")
    conditional(here, "PutObject", "If-Match", "*").put("x", b"two")
    equal(here.body("x"), b"two")


@check
def ceph_write_if_match_any_of_what_is_missing_is_refused(here):
    refused("PreconditionFailed|NoSuchKey", 412, lambda: conditional(here, "PutObject", "If-Match", "*").put("x", b"x"))
    refused("NoSuchKey", 404, lambda: here.get("x"))


@check
def write_if_match_without_quotes(here):
    etag = here.put("x", b"one")["ETag"].strip('"')
    conditional(here, "PutObject", "If-Match", etag).put("x", b"two")
    equal(here.body("x"), b"two")


@check
def write_if_match_of_another_is_refused(here):
    here.put("x", b"one")
    refused("PreconditionFailed", 412, lambda: conditional(here, "PutObject", "If-Match", '"ABCORZ"').put("x", b"two"))
    equal(here.body("x"), b"one")


@check
def ceph_write_if_none_match_of_another_replaces(here):
    here.put("x", b"one")
    conditional(here, "PutObject", "If-None-Match", "ABCORZ").put("x", b"two")
    equal(here.body("x"), b"two")


@check
def ceph_write_if_none_match_of_itself_is_refused(here):
    etag = here.put("x", b"one")["ETag"].strip('"')
    refused("PreconditionFailed", 412, lambda: conditional(here, "PutObject", "If-None-Match", etag).put("x", b"two"))
    equal(here.body("x"), b"one")


@check
def write_if_none_match_any_after_a_delete(here):
    here.put("x", b"one")
    here.delete("x")
    conditional(here, "PutObject", "If-None-Match", "*").put("x", b"two")
    equal(here.body("x"), b"two")


@check
def write_if_none_match_any_behind_a_delete_marker(here):
    here.in_bucket("versioned")
    here.put("x", b"one")
    here.delete("x")
    conditional(here, "PutObject", "If-None-Match", "*").put("x", b"two")
    equal(here.body("x"), b"two")


@check
def completion_if_none_match_any(here):
    here.put("x", b"one")
    upload = here.create("x")
    etag = here.part("x", upload, 1, b"two")["ETag"]
    other = conditional(here, "CompleteMultipartUpload", "If-None-Match", "*")
    refused("PreconditionFailed", 412, lambda: other.complete("x", upload, [{"PartNumber": 1, "ETag": etag}]))
    equal(here.body("x"), b"one")


@check
def deletion_if_match_of_another_removes_nothing(here):
    here.put("x", b"one")
    other = conditional(here, "DeleteObject", "If-Match", NO_ETAG)
    true(status_of(lambda: other.delete("x")) in (412, 501), "was not refused")
    equal(here.body("x"), b"one")


@check
def condition_that_failed_is_named(here):
    here.put("x", b"x")
    told = send("GET", url_of(here.bucket, here.key("x")), headers={"If-Match": NO_ETAG})
    equal(told.status, 412)
    true(b"<Code>PreconditionFailed</Code>" in told.body, told.body[:200])
