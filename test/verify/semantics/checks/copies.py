"""Copies of objects."""
import io

from boto3.s3.transfer import TransferConfig

from .here import (
    CHECKS,
    DIRECT,
    GIVEN,
    HOUR,
    MIB,
    NO_ETAG,
    YESTERDAY,
    check,
    equal,
    md5,
    now,
    once_over,
    random_bytes,
    refused,
    true,
)


@check
def copy_keeps_body_headers_and_metadata(here):
    body = random_bytes(100_000)
    here.put("x", body, ContentType="text/csv", Metadata={"a": "b"})
    told = here.copy("x", "y")
    equal(here.body("y"), body)
    head = here.head("y")
    equal((head["ContentType"], head["Metadata"]), ("text/csv", {"a": "b"}))
    equal(told["CopyObjectResult"]["ETag"], head["ETag"])


@check
def copy_of_nothing(here):
    here.put("x", b"")
    here.copy("x", "y")
    equal(here.head("y")["ContentLength"], 0)


@check
def copy_replaces_metadata(here):
    here.put("x", b"x", ContentType="text/csv", Metadata={"a": "b"})
    here.copy("x", "y", MetadataDirective="REPLACE", Metadata={"c": "d"}, ContentType="audio/ogg")
    head = here.head("y")
    equal((head["ContentType"], head["Metadata"]), ("audio/ogg", {"c": "d"}))


@check
def copy_to_itself_is_refused(here):
    if DIRECT:
        return  # RGW 16 ends itself at it
    here.put("x", b"x")
    refused("InvalidRequest", 400, lambda: here.copy("x", "x"))


@check
def copy_to_itself_changes_metadata(here):
    here.put("x", b"body", Metadata={"a": "b"})
    here.copy("x", "x", MetadataDirective="REPLACE", Metadata={"c": "d"})
    equal((here.head("x")["Metadata"], here.body("x")), ({"c": "d"}, b"body"))


@check
def copy_of_what_is_missing_is_refused(here):
    if DIRECT:
        return  # RGW 16 ends itself at it
    refused("NoSuchKey", 404, lambda: here.copy("nothing", "y"))


@check
def copy_if_match(here):
    etag = here.put("x", b"x")["ETag"]
    here.copy("x", "y", CopySourceIfMatch=etag)
    equal(here.body("y"), b"x")


@check
def copy_if_none_match(here):
    etag = here.put("x", b"x")["ETag"]
    refused("PreconditionFailed", 412, lambda: here.copy("x", "y", CopySourceIfNoneMatch=etag))
    here.copy("x", "y", CopySourceIfNoneMatch='"ABCORZ"')


@check
def copy_if_modified_since(here):
    here.put("x", b"x")
    here.copy("x", "y", CopySourceIfModifiedSince=YESTERDAY)


@check
def copy_if_unmodified_since(here):
    here.put("x", b"x")
    refused("PreconditionFailed", 412, lambda: here.copy("x", "y", CopySourceIfUnmodifiedSince=YESTERDAY))
    here.copy("x", "y", CopySourceIfUnmodifiedSince=now() + HOUR)


@check
def copy_of_an_upload_in_parts(here):
    body = random_bytes(5 * MIB) + b"tail"
    here.upload("x", [body[: 5 * MIB], body[5 * MIB :]])
    here.copy("x", "y")
    equal(here.body("y"), body)


@check
def copy_if_match_of_another_is_refused(here):
    here.put("x", b"x")
    refused("PreconditionFailed", 412, lambda: here.copy("x", "y", CopySourceIfMatch=NO_ETAG))


@check
def copy_if_modified_since_a_later_time_is_refused(here):
    here.put("x", b"x")
    later = once_over(here.head("x")["LastModified"])
    refused("PreconditionFailed", 412, lambda: here.copy("x", "y", CopySourceIfModifiedSince=later))


@check
def copy_if_match_goes_before_if_unmodified_since(here):
    etag = here.put("x", b"x")["ETag"]
    here.copy("x", "y", CopySourceIfMatch=etag, CopySourceIfUnmodifiedSince=YESTERDAY)
    equal(here.body("y"), b"x")


@check
def copy_if_none_match_of_another(here):
    here.put("x", b"x")
    here.copy("x", "y", CopySourceIfNoneMatch="ABCORZ")
    equal(here.body("y"), b"x")


@check
def copy_by_the_manager_of_boto3(here):
    for size in (0, 3):
        here.put("x", random_bytes(size), ContentType="text/bla", Metadata={"a": "b"})
        here.s3.copy({"Bucket": here.bucket, "Key": here.key("x")}, here.bucket, here.key("y"))
        got = here.get("y")
        equal((got["Body"].read(), got["ContentType"], got["Metadata"]), (random_bytes(size), "text/bla", {"a": "b"}))


@check
def copy_of_a_mib_keeps_metadata(here):
    here.put("x", random_bytes(MIB), ContentType="audio/ogg", Metadata={"key1": "value1", "key2": "value2"})
    here.copy("x", "y")
    got = here.get("y")
    equal((got["ContentType"], got["ContentLength"]), ("audio/ogg", MIB))
    equal(got["Metadata"], {"key1": "value1", "key2": "value2"})
    equal(md5(got["Body"].read()), md5(random_bytes(MIB)))


@check
def copy_of_a_mib_replaces_metadata(here):
    here.put("x", random_bytes(MIB), ContentType="audio/ogg", Metadata={"key1": "value1", "key2": "value2"})
    fresh = {"key3": "value3", "key2": "value2"}
    here.copy("x", "y", MetadataDirective="REPLACE", Metadata=fresh, ContentType="audio/mpeg")
    got = here.get("y")
    equal((got["ContentType"], got["Metadata"], got["ContentLength"]), ("audio/mpeg", fresh, MIB))


@check
def copy_keeps_headers_that_it_does_not_replace(here):
    told = {"CacheControl": "no-cache", "ContentLanguage": "de", "ContentDisposition": "inline", "ContentEncoding": "gzip"}
    here.put("x", b"x", **told)
    here.copy("x", "y")
    head = here.head("y")
    equal({name: head.get(name) for name in told}, told)


@check
def copy_that_replaces_leaves_nothing_of_the_source(here):
    here.put("x", b"x", CacheControl="no-cache", Metadata={"a": "b"})
    here.copy("x", "y", MetadataDirective="REPLACE")
    head = here.head("y")
    equal((head.get("CacheControl"), head["Metadata"]), (None, {}))


@check
def copy_ignores_headers_that_it_is_not_told_to_replace(here):
    here.put("x", b"x", ContentType="text/plain", Metadata={"a": "b"})
    here.copy("x", "y", MetadataDirective="COPY", Metadata={"c": "d"})
    equal(here.head("y")["Metadata"], {"a": "b"})


@check
def copy_with_a_directive_that_is_none_is_refused(here):
    if DIRECT:
        return  # RGW 16 ends itself at it
    here.put("x", b"x")
    refused("InvalidArgument", 400, lambda: here.copy("x", "y", MetadataDirective="SOMETHING"))


@check
def copy_replaces_what_was_there(here):
    here.put("x", b"new", Metadata={"a": "new"})
    here.put("y", b"old and longer", Metadata={"a": "old"})
    here.copy("x", "y")
    equal((here.body("y"), here.head("y")["Metadata"]), (b"new", {"a": "new"}))


@check
def copy_stays_where_its_source_goes(here):
    here.put("x", b"body")
    here.copy("x", "y")
    here.put("x", b"other")
    here.delete("x")
    equal(here.body("y"), b"body")


@check
def copy_of_a_copy(here):
    here.put("x", b"body", Metadata={"a": "b"})
    here.copy("x", "y")
    here.copy("y", "z")
    equal((here.body("z"), here.head("z")["Metadata"]), (b"body", {"a": "b"}))


@check
def copy_says_when_it_was_made(here):
    here.put("x", b"x")
    told = here.copy("x", "y")["CopyObjectResult"]
    true(abs((told["LastModified"] - now()).total_seconds()) < 600, "LastModified is not now")
    equal(told["ETag"].strip('"'), here.head("y")["ETag"].strip('"'))


def source_check(label, name):
    def run(here):
        here.put(name, b"body")
        here.copy(name, "plain")
        equal(here.body("plain"), b"body")
        here.copy("plain", name + "2")
        equal(here.body(name + "2"), b"body")

    run.__name__ = f"copy_of_a_name_with_{label}"
    CHECKS.append(run)


source_check("a_question_mark_and_an_ampersand", "foo?bar&x=y")
source_check("the_name_of_a_parameter", "?versionId")
source_check("an_encoded_sign", "a%2Fb%20c")
source_check("a_plus", "a+b c")
source_check("signs_of_a_list", "a,b;c=d")


def source_form(label, form):
    def run(here):
        here.put("x y", b"body")
        source = form.replace("KEY", here.key("x y")).replace("BUCKET", here.bucket)
        here.s3.copy_object(Bucket=here.bucket, Key=here.key("z"), CopySource=source)
        equal(here.body("z"), b"body")

    run.__name__ = f"copy_of_a_source_{label}"
    CHECKS.append(run)


source_form("with_a_first_slash", "/BUCKET/KEY")
source_form("without_a_first_slash", "BUCKET/KEY")


@check
def copy_to_itself_changes_the_type(here):
    here.put("x", b"body", ContentType="text/plain")
    here.copy("x", "x", MetadataDirective="REPLACE", ContentType="text/html")
    equal((here.head("x")["ContentType"], here.body("x")), ("text/html", b"body"))


@check
def copy_into_another_bucket_and_back(here):
    here.put("x", b"body", ContentType="text/bla", Metadata={"a": "b"})
    source = {"Bucket": here.bucket, "Key": here.key("x")}
    here.s3.copy_object(Bucket=GIVEN["versioned"], Key=here.key("y"), CopySource=source)
    back = {"Bucket": GIVEN["versioned"], "Key": here.key("y")}
    here.s3.copy_object(Bucket=here.bucket, Key=here.key("z"), CopySource=back)
    got = here.get("z")
    equal((got["Body"].read(), got["ContentType"], got["Metadata"]), (b"body", "text/bla", {"a": "b"}))


def between(label, first, second):
    """Between the places that the gateway keeps encrypted and in plain; on the store itself they are prefixes like others."""

    def run(here):
        body = random_bytes(200_000)
        source, target = f"{first}{label}/x", f"{second}{label}/y"
        here.s3.put_object(Bucket=here.bucket, Key=source, Body=body, Metadata={"a": "b"}, ContentType="text/bla")
        copied = here.s3.copy_object(Bucket=here.bucket, Key=target, CopySource={"Bucket": here.bucket, "Key": source})
        got = here.s3.get_object(Bucket=here.bucket, Key=target)
        equal((md5(got["Body"].read()), got["Metadata"], got["ContentType"]), (md5(body), {"a": "b"}, "text/bla"))
        equal(copied["CopyObjectResult"]["ETag"].strip('"'), got["ETag"].strip('"'))

    run.__name__ = f"copy_between_places_{label}"
    CHECKS.append(run)


between("plain_into_encrypted", "plain/", "encrypted/")
between("encrypted_into_plain", "encrypted/", "plain/")


@check
def copy_from_a_missing_bucket_is_refused(here):
    if DIRECT:
        return  # RGW 16 ends itself at it
    source = {"Bucket": "not-there-at-all", "Key": "x"}
    call = lambda: here.s3.copy_object(Bucket=here.bucket, Key=here.key("y"), CopySource=source)
    refused("NoSuchBucket|AccessDenied", 403, call)


@check
def copy_by_the_manager_of_a_large_object(here):
    body = random_bytes(17 * MIB)
    here.s3.upload_fileobj(io.BytesIO(body), here.bucket, here.key("x"))
    config = TransferConfig(multipart_threshold=8 * MIB, multipart_chunksize=8 * MIB)
    here.s3.copy({"Bucket": here.bucket, "Key": here.key("x")}, here.bucket, here.key("y"), Config=config)
    equal(md5(here.body("y")), md5(body))
