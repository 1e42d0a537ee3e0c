"""Presigned URLs, signatures that do not hold, and access control that is taken."""
import email.utils
import hashlib
import time
import urllib.parse

import boto3
from botocore.client import Config

from .here import CHECKS, GIVEN, check, equal, fetch, refused, signed_headers, true, url_of


@check
def presigned_get_put_and_delete(here):
    params = {"Bucket": here.bucket, "Key": here.key("x y+z")}
    url = here.s3.generate_presigned_url("put_object", params)
    equal(fetch("PUT", url, b"hello").status, 200)
    told = fetch("GET", here.s3.generate_presigned_url("get_object", params))
    equal((told.status, told.body), (200, b"hello"))
    equal(fetch("DELETE", here.s3.generate_presigned_url("delete_object", params)).status, 204)


@check
def presigned_url_ends(here):
    here.put("x", b"x")
    params = {"Bucket": here.bucket, "Key": here.key("x")}
    url = here.s3.generate_presigned_url("get_object", params, ExpiresIn=1)
    time.sleep(2.5)
    equal(fetch("GET", url).status, 403)


@check
def presigned_url_is_of_one_method_and_key(here):
    here.put("x", b"x")
    url = here.s3.generate_presigned_url("get_object", {"Bucket": here.bucket, "Key": here.key("x")})
    equal(fetch("DELETE", url).status, 403)
    equal(fetch("GET", url.replace("/x?", "/y?")).status, 403)


def presigned(here, operation, name="x", seconds=3600, **more):
    params = {"Bucket": here.bucket, "Key": here.key(name), **more}
    return here.s3.generate_presigned_url(operation, params, ExpiresIn=seconds)


@check
def presigned_head(here):
    here.put("x", b"hello")
    told = fetch("HEAD", presigned(here, "head_object"))
    equal((told.status, told.headers["content-length"], told.body), (200, "5", b""))


@check
def presigned_url_of_a_week(here):
    here.put("x", b"hello")
    equal(fetch("GET", presigned(here, "get_object", seconds=604_800)).status, 200)


@check
def presigned_url_of_more_than_a_week_is_refused(here):
    here.put("x", b"hello")
    true(fetch("GET", presigned(here, "get_object", seconds=609_901)).status in (400, 403), "was taken")


def expiry_check(label, expires):
    def run(here):
        here.put("x", b"hello")
        url = presigned(here, "get_object").replace("X-Amz-Expires=3600", f"X-Amz-Expires={expires}")
        true(fetch("GET", url).status in (400, 403), "was taken")

    run.__name__ = f"presigned_url_of_{label}_is_refused"
    CHECKS.append(run)


# A client of today does not sign them: they are put in afterwards.
expiry_check("no_second", "0")
expiry_check("a_negative_time", "-7")
expiry_check("a_time_that_is_none", "long")


@check
def presigned_range(here):
    here.put("x", b"testcontent")
    told = fetch("GET", presigned(here, "get_object"), headers={"Range": "bytes=4-7"})
    equal((told.status, told.body), (206, b"cont"))


@check
def presigned_condition(here):
    etag = here.put("x", b"testcontent")["ETag"]
    equal(fetch("GET", presigned(here, "get_object"), headers={"If-None-Match": etag}).status, 304)


@check
def presigned_put_of_a_type_that_is_signed(here):
    url = presigned(here, "put_object", ContentType="text/csv")
    equal(fetch("PUT", url, b"hello", {"Content-Type": "text/csv"}).status, 200)
    equal(here.head("x")["ContentType"], "text/csv")
    equal(fetch("PUT", url, b"other", {"Content-Type": "text/html"}).status, 403)
    equal(here.body("x"), b"hello")


@check
def presigned_put_of_metadata_that_is_signed(here):
    url = presigned(here, "put_object", Metadata={"a": "b"})
    equal(fetch("PUT", url, b"hello", {"x-amz-meta-a": "b"}).status, 200)
    equal(here.head("x")["Metadata"], {"a": "b"})
    equal(fetch("PUT", url, b"other", {"x-amz-meta-a": "c"}).status, 403)


@check
def presigned_get_with_headers_of_the_answer(here):
    here.put("x", b"hello", ContentType="text/plain")
    url = presigned(here, "get_object", ResponseContentType="foo/bar", ResponseContentDisposition='attachment; filename="ü b"')
    told = fetch("GET", url)
    equal((told.status, told.headers["content-type"]), (200, "foo/bar"))
    true(told.headers["content-disposition"].startswith("attachment"), told.headers["content-disposition"])
    equal(fetch("GET", url.replace("foo%2Fbar", "text%2Fhtml")).status, 403)


@check
def presigned_get_of_a_version(here):
    here.in_bucket("versioned")
    version = here.put("x", b"one")["VersionId"]
    here.put("x", b"two")
    told = fetch("GET", presigned(here, "get_object", VersionId=version))
    equal((told.status, told.body), (200, b"one"))


@check
def presigned_part(here):
    upload = here.create("x")
    told = fetch("PUT", presigned(here, "upload_part", UploadId=upload, PartNumber=1), b"by parts")
    equal(told.status, 200)
    here.complete("x", upload, [{"PartNumber": 1, "ETag": told.headers["etag"]}])
    equal(here.body("x"), b"by parts")


@check
def presigned_listing(here):
    here.put("x", b"hello")
    params = {"Bucket": here.bucket, "Prefix": here.prefix}
    told = fetch("GET", here.s3.generate_presigned_url("list_objects_v2", params))
    equal(told.status, 200)
    true(f"<Key>{here.key('x')}</Key>" in urllib.parse.unquote(told.body.decode()), told.body[:300])


@check
def presigned_tags(here):
    here.put("x", b"hello", Tagging="a=b")
    told = fetch("GET", presigned(here, "get_object_tagging"))
    true(told.status == 200 and b"<Key>a</Key>" in told.body, told.body[:300])


@check
def presigned_url_that_was_changed_is_refused(here):
    here.put("x", b"hello")
    url = presigned(here, "get_object")
    for changed in (
        url.replace("X-Amz-Expires=3600", "X-Amz-Expires=7200"),
        url + "&versionId=null",
        url[:-4] + ("0000" if url[-4:] != "0000" else "1111"),
    ):
        equal(fetch("GET", changed).status, 403)


@check
def presigned_url_may_be_used_again(here):
    here.put("x", b"hello")
    url = presigned(here, "get_object")
    equal([fetch("GET", url).body for _ in range(3)], [b"hello"] * 3)


# ---- who may not


@check
def keys_that_are_wrong_are_refused(here):
    stranger = boto3.client(
        "s3",
        endpoint_url=GIVEN["endpoint"],
        region_name=GIVEN["region"],
        verify=GIVEN["ca"] or True,
        aws_access_key_id="WRONGKEY000000000000",
        aws_secret_access_key="wrong",
        config=Config(s3={"addressing_style": "path"}, signature_version="s3v4"),
    )
    refused("InvalidAccessKeyId|AccessDenied", 403, lambda: stranger.list_objects_v2(Bucket=here.bucket))


@check
def signature_that_is_wrong_is_refused(here):
    def spoil(request, **_):
        authorization = request.headers["Authorization"]
        authorization = authorization.decode() if isinstance(authorization, bytes) else authorization
        del request.headers["Authorization"]
        request.headers["Authorization"] = authorization[:-4] + ("0000" if authorization[-4:] != "0000" else "1111")

    here.s3.meta.events.register("before-send.s3.ListObjectsV2", spoil)
    refused("SignatureDoesNotMatch", 403, lambda: here.list(2))


def spoiled(label, status, spoil, method="GET"):
    """A request that is signed well and changed afterwards."""

    def run(here):
        here.put("x", b"before")
        url = url_of(here.bucket, here.key("x"))
        body = b"after" if method == "PUT" else b""
        headers = spoil(signed_headers(method, url, body))
        told = fetch(method, url, body, headers)
        true(told.status in status, f"{told.status} {told.body[:200]}")
        equal(here.body("x"), b"before")

    run.__name__ = f"request_{label}_is_refused"
    CHECKS.append(run)


def without(name):
    return lambda headers: {field: value for field, value in headers.items() if field.lower() != name}


def replaced(name, value):
    return lambda headers: {**without(name)(headers), name: value}


# Amazon says 403; the gateway 401, with where to get a token.
STRANGER = (401, 403)

spoiled("without_authorization", STRANGER, without("authorization"))
spoiled("without_authorization_that_writes", STRANGER, without("authorization"), "PUT")
spoiled("with_empty_authorization_that_writes", STRANGER, replaced("authorization", ""), "PUT")
spoiled("with_authorization_of_another_scheme", (400, *STRANGER), replaced("authorization", "Something else"))
spoiled("without_a_date", (400, 403), without("x-amz-date"))
spoiled("of_a_date_that_is_none", (400, 403), replaced("x-amz-date", "yesterday"))
spoiled("of_a_date_long_gone", (400, 403), replaced("x-amz-date", "20200101T000000Z"))
spoiled("of_another_body_than_signed", (400, 403), replaced("x-amz-content-sha256", "0" * 64), "PUT")


@check
def request_of_a_body_that_is_not_the_signed_one_stores_nothing(here):
    url = url_of(here.bucket, here.key("x"))
    wanted = hashlib.sha256(b"hello").hexdigest()
    headers = signed_headers("PUT", url, b"hello", {"X-Amz-Content-SHA256": wanted})
    told = fetch("PUT", url, b"olleh", headers)
    true(told.status in (400, 403), told.status)
    refused("NoSuchKey", 404, lambda: here.get("x"))


@check
def request_with_a_date_and_an_amz_date_is_taken(here):
    here.put("x", b"hello")
    url = url_of(here.bucket, here.key("x"))
    headers = {**signed_headers("GET", url), "Date": email.utils.formatdate(usegmt=True)}
    equal(fetch("GET", url, b"", headers).body, b"hello")


@check
def request_of_an_unknown_method_is_refused(here):
    url = url_of(here.bucket, here.key("x"))
    true(fetch("PATCH", url, b"", signed_headers("PATCH", url)).status in (400, 403, 405, 501), "was taken")


@check
def request_with_a_body_that_need_not_be_signed(here):
    url = url_of(here.bucket, here.key("x"))
    headers = signed_headers("PUT", url, b"hello", {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"})
    told = fetch("PUT", url, b"hello", headers)
    equal((told.status, here.body("x")), (200, b"hello"))


# ---- access control


@check
def object_acl_is_read(here):
    here.put("x", b"x")
    true(here.s3.get_object_acl(Bucket=here.bucket, Key=here.key("x"))["Grants"], "no grants")


@check
def acl_private_is_taken(here):
    here.put("x", b"x", ACL="private")
    equal(here.body("x"), b"x")
