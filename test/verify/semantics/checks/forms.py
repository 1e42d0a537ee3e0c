"""Forms that browsers send (POST Object), signed by hand as the S3 API Reference says."""
import datetime
import hashlib
import hmac
import json
import urllib.parse
import xml.etree.ElementTree

import botocore.session

from .here import CHECKS, GIVEN, MIB, base64_of, check, equal, fetch, md5, now, random_bytes, true, url_of

BOUNDARY = "----semantics7MA4YWxkTrZu0gW"
EXPIRATION = "%Y-%m-%dT%H:%M:%SZ"


def later(seconds=6000):
    return (now() + datetime.timedelta(seconds=seconds)).strftime(EXPIRATION)


def usual(here, *more, key="foo", type_="text/plain", size=(0, 1024)):
    """The conditions that most forms have; None leaves one out."""
    return [
        {"bucket": here.bucket},
        *([["starts-with", "$key", here.key(key)]] if key is not None else []),
        {"acl": "private"},
        *([["starts-with", "$Content-Type", type_]] if type_ is not None else []),
        *([["content-length-range", *size]] if size is not None else []),
        *more,
    ]


def named(here, name="foo.txt", type_="text/plain", **more):
    """The fields that most forms have."""
    fields = {"key": here.key(name), "acl": "private", "Content-Type": type_, **more}
    return {field: value for field, value in fields.items() if value is not None}


def signed(conditions=None, document=None, spoil=None):
    """Fields that sign a policy: `document` is one as it is; `spoil` changes a field behind the signature."""
    keys = botocore.session.get_session().get_credentials()
    date = now().strftime("%Y%m%dT%H%M%SZ")
    scope = [date[:8], GIVEN["region"], "s3", "aws4_request"]
    fields = {
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-credential": "/".join([keys.access_key, *scope]),
        "x-amz-date": date,
        **({"x-amz-security-token": keys.token} if keys.token else {}),
    }
    if document is None:
        document = {"expiration": later(), "conditions": conditions}
    for name in ("conditions", "CONDITIONS"):
        if name in document:
            document = {**document, name: [*document[name], *({field: value} for field, value in fields.items())]}
    policy = base64_of(json.dumps(document).encode())
    key = f"AWS4{keys.secret_key}".encode()
    for step in scope:
        key = hmac.new(key, step.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, policy.encode(), hashlib.sha256).hexdigest()
    return {**fields, "policy": policy, "x-amz-signature": signature, **(spoil or {})}


def body_of(fields, file, file_name):
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    ]
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{file_name}"\r\n\r\n'
    return ("".join(parts) + head).encode() + file + f"\r\n--{BOUNDARY}--\r\n".encode()


def post(here, fields, file=b"bar", file_name="x.txt"):
    body = body_of(fields, file, file_name)
    return fetch("POST", url_of(here.bucket), body, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})


def taken(told, status=204):
    equal((told.status, told.body[:300] if told.status != status else b""), (status, b""))


@check
def form_stores_its_file(here):
    taken(post(here, {**named(here), **signed(usual(here))}))
    got = here.get("foo.txt")
    equal((got["Body"].read(), got["ContentType"]), (b"bar", "text/plain"))


@check
def form_by_boto3_stores_its_file(here):
    told = here.s3.generate_presigned_post(here.bucket, here.key("foo.txt"))
    taken(post(here, told["fields"]))
    equal(here.body("foo.txt"), b"bar")


@check
def form_by_boto3_takes_fields_and_conditions(here):
    fields = {"acl": "private", "Content-Type": "text/html", "x-amz-meta-a": "b"}
    conditions = [{name: value} for name, value in fields.items()] + [["content-length-range", 1, 10]]
    told = here.s3.generate_presigned_post(here.bucket, here.key("foo.txt"), Fields=fields, Conditions=conditions)
    taken(post(here, told["fields"]))
    head = here.head("foo.txt")
    equal((head["ContentType"], head["Metadata"]), ("text/html", {"a": "b"}))


@check
def form_without_a_type_stores_its_file(here):
    taken(post(here, {**named(here, type_=None), **signed(usual(here, type_=None))}))
    equal(here.body("foo.txt"), b"bar")


@check
def form_of_an_empty_file(here):
    taken(post(here, {**named(here), **signed(usual(here))}, b""))
    equal(here.body("foo.txt"), b"")


@check
def form_of_three_mib(here):
    file = random_bytes(3 * MIB)
    taken(post(here, {**named(here), **signed(usual(here, size=(0, 5 * MIB)))}, file))
    equal(md5(here.body("foo.txt")), md5(file))


@check
def form_of_a_file_that_holds_line_breaks_and_half_a_boundary(here):
    file = f"\r\n--{BOUNDARY[:-1]}\r\n--\r\n\r\n".encode()
    taken(post(here, {**named(here), **signed(usual(here))}, file))
    equal(here.body("foo.txt"), file)


@check
def form_takes_the_key_from_the_name_of_the_file(here):
    fields = {**named(here, "${filename}"), **signed(usual(here, key=""))}
    taken(post(here, fields, file_name="foo.txt"))
    equal(here.body("foo.txt"), b"bar")


@check
def form_takes_a_key_beyond_ascii(here):
    taken(post(here, {**named(here, "foo ü+%20.txt"), **signed(usual(here))}))
    equal(here.body("foo ü+%20.txt"), b"bar")


@check
def form_ignores_what_is_named_so(here):
    taken(post(here, {**named(here), **signed(usual(here)), "x-ignore-foo": "bar"}))


@check
def form_takes_fields_and_conditions_of_any_case(here):
    conditions = [
        {"bUcKeT": here.bucket},
        ["StArTs-WiTh", "$KeY", here.key("foo")],
        {"AcL": "private"},
        ["StArTs-WiTh", "$CoNtEnT-TyPe", "text/plain"],
        ["content-length-range", 0, 1024],
    ]
    signing = signed(conditions)
    policy = signing.pop("policy")
    taken(post(here, {"kEy": here.key("foo.txt"), "aCl": "private", "Content-Type": "text/plain", "pOLICy": policy, **signing}))
    equal(here.body("foo.txt"), b"bar")


@check
def form_takes_a_dollar_sign_that_is_escaped(here):
    taken(post(here, {**named(here, "\\$foo.txt"), **signed(usual(here, key="\\$foo"))}))
    equal(here.body("\\$foo.txt"), b"bar")


@check
def form_keeps_metadata_that_is_allowed(here):
    condition = ["starts-with", "$x-amz-meta-foo", "bar"]
    taken(post(here, {**named(here, **{"x-amz-meta-foo": "barclamp"}), **signed(usual(here, condition))}))
    equal(here.head("foo.txt")["Metadata"], {"foo": "barclamp"})


@check
def form_takes_whatever_begins_with_nothing(here):
    condition = ["starts-with", "$x-amz-meta-foo", ""]
    taken(post(here, {**named(here, **{"x-amz-meta-foo": "anything"}), **signed(usual(here, condition))}))
    equal(here.head("foo.txt")["Metadata"], {"foo": "anything"})


@check
def form_keeps_headers_that_are_allowed(here):
    more = {"Cache-Control": "no-cache", "Content-Disposition": "inline"}
    conditions = [{name: value} for name, value in more.items()]
    taken(post(here, {**named(here, **more), **signed(usual(here, *conditions))}))
    head = here.head("foo.txt")
    equal((head.get("CacheControl"), head.get("ContentDisposition")), ("no-cache", "inline"))


@check
def form_replaces_an_object(here):
    here.put("foo.txt", b"before")
    taken(post(here, {**named(here), **signed(usual(here))}))
    equal(here.body("foo.txt"), b"bar")


def status_check(label, asked, status):
    def run(here):
        fields = {**named(here, success_action_status=asked), **signed(usual(here, {"success_action_status": asked}))}
        told = post(here, fields)
        equal(told.status, status)
        equal(here.body("foo.txt"), b"bar")
        if status == 201:
            document = {element.tag.split("}")[-1]: element.text for element in xml.etree.ElementTree.fromstring(told.body)}
            equal((document["Key"], document["Bucket"]), (here.key("foo.txt"), here.bucket))
            equal(document["ETag"].strip('"'), here.head("foo.txt")["ETag"].strip('"'))
        else:
            equal(told.body, b"")

    run.__name__ = f"form_success_{label}"
    CHECKS.append(run)


status_check("is_200_where_it_is_asked", "200", 200)
status_check("is_201_with_a_document_where_it_is_asked", "201", 201)
status_check("is_204_where_it_is_asked", "204", 204)
status_check("is_204_where_another_status_is_asked", "404", 204)


@check
def form_success_is_a_redirect_where_it_is_asked(here):
    target = f"{GIVEN['endpoint']}/{here.bucket}"
    fields = {**named(here), "success_action_redirect": target}
    told = post(here, {**fields, **signed(usual(here, ["eq", "$success_action_redirect", target]))})
    equal(told.status, 303)
    at = urllib.parse.urlsplit(told.headers["location"])
    equal(f"{at.scheme}://{at.netloc}{at.path}", target)
    query = dict(urllib.parse.parse_qsl(at.query))
    equal((query["bucket"], query["key"]), (here.bucket, here.key("foo.txt")))
    equal(query["etag"].strip('"'), here.head("foo.txt")["ETag"].strip('"'))


@check
def form_sets_tags(here):
    tagging = "<Tagging><TagSet><Tag><Key>0</Key><Value>a</Value></Tag><Tag><Key>1</Key><Value>b</Value></Tag></TagSet></Tagging>"
    condition = ["starts-with", "$tagging", ""]
    taken(post(here, {**named(here, tagging=tagging), **signed(usual(here, condition))}))
    told = here.s3.get_object_tagging(Bucket=here.bucket, Key=here.key("foo.txt"))["TagSet"]
    equal({entry["Key"]: entry["Value"] for entry in told}, {"0": "a", "1": "b"})


@check
def form_into_a_versioned_bucket_makes_a_version(here):
    here.in_bucket("versioned")
    for _ in range(2):
        taken(post(here, {**named(here), **signed(usual(here))}))
    told = here.s3.list_object_versions(Bucket=here.bucket, Prefix=here.prefix)["Versions"]
    true(len({entry["VersionId"] for entry in told}) == 2, "not two versions")
