"""Tags of objects and of a bucket."""
import hashlib
import urllib.parse

from .here import GIVEN, base64_of, check, equal, refused, send, true, url_of


def tag_set(**tags):
    return {"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}


def tags_of(here, name):
    told = here.s3.get_object_tagging(Bucket=here.bucket, Key=here.key(name))["TagSet"]
    return {entry["Key"]: entry["Value"] for entry in told}


@check
def tags_are_set_changed_and_removed(here):
    here.put("x", b"x")
    equal(tags_of(here, "x"), {})
    here.s3.put_object_tagging(Bucket=here.bucket, Key=here.key("x"), Tagging=tag_set(a="1", b="2"))
    equal(tags_of(here, "x"), {"a": "1", "b": "2"})
    here.s3.put_object_tagging(Bucket=here.bucket, Key=here.key("x"), Tagging=tag_set(c="3"))
    equal(tags_of(here, "x"), {"c": "3"})
    here.s3.delete_object_tagging(Bucket=here.bucket, Key=here.key("x"))
    equal(tags_of(here, "x"), {})


@check
def tags_come_with_the_object(here):
    here.put("x", b"x", Tagging="foo=bar&b=")
    equal(tags_of(here, "x"), {"foo": "bar", "b": ""})
    equal(here.get("x").get("TagCount", 2), 2)


@check
def tags_beyond_ten_are_refused(here):
    here.put("x", b"x")
    tags = tag_set(**{f"k{number}": "v" for number in range(11)})
    refused(
        "InvalidTag|BadRequest|InvalidArgument", 400,
        lambda: here.s3.put_object_tagging(Bucket=here.bucket, Key=here.key("x"), Tagging=tags),
    )


@check
def tags_that_are_too_long_are_refused(here):
    here.put("x", b"x")
    refused(
        "InvalidTag|InvalidArgument", 400,
        lambda: here.s3.put_object_tagging(Bucket=here.bucket, Key=here.key("x"), Tagging=tag_set(**{"k" * 129: "v"})),
    )


@check
def tags_of_an_upload_in_parts(here):
    here.upload("x", [b"x"], Tagging="a=b")
    equal(tags_of(here, "x"), {"a": "b"})


@check
def tags_go_along_with_a_copy_or_are_replaced(here):
    here.put("x", b"x", Tagging="a=b")
    here.copy("x", "y")
    equal(tags_of(here, "y"), {"a": "b"})
    here.copy("x", "z", TaggingDirective="REPLACE", Tagging="c=d", MetadataDirective="REPLACE")
    equal(tags_of(here, "z"), {"c": "d"})


def set_tags(here, name, **more):
    return here.s3.put_object_tagging(Bucket=here.bucket, Key=here.key(name), **more)


def simple(count):
    return {str(number): str(number) for number in range(count)}


@check
def tags_may_be_ten(here):
    here.put("x", b"x")
    set_tags(here, "x", Tagging=tag_set(**simple(10)))
    equal(tags_of(here, "x"), simple(10))


@check
def tags_that_are_refused_leave_those_of_before(here):
    here.put("x", b"x")
    set_tags(here, "x", Tagging=tag_set(a="1"))
    refused("InvalidTag|BadRequest", 400, lambda: set_tags(here, "x", Tagging=tag_set(**simple(11))))
    equal(tags_of(here, "x"), {"a": "1"})


@check
def tags_of_the_largest_size(here):
    here.put("x", b"x")
    tags = {f"{number}" + "k" * 127: "v" * 256 for number in range(10)}
    set_tags(here, "x", Tagging=tag_set(**tags))
    equal(tags_of(here, "x"), tags)


@check
def tags_of_which_a_value_is_too_long_are_refused(here):
    here.put("x", b"x")
    refused("InvalidTag|InvalidArgument", 400, lambda: set_tags(here, "x", Tagging=tag_set(k="v" * 257)))
    equal(tags_of(here, "x"), {})


@check
def tags_of_one_name_twice_are_refused(here):
    here.put("x", b"x")
    twice = {"TagSet": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}
    refused("InvalidTag|InvalidArgument|MalformedXML", 400, lambda: set_tags(here, "x", Tagging=twice))


@check
def tags_without_a_value_come_with_the_object(here):
    here.put("x", b"A" * 100, Tagging="foo=bar&bar")
    equal((tags_of(here, "x"), here.body("x")), ({"foo": "bar", "bar": ""}, b"A" * 100))


@check
def tags_are_decoded_from_the_header(here):
    tags = {"a b": "c/d", "e=f": "g:h", "ü": "é+"}
    here.put("x", b"x", Tagging=urllib.parse.urlencode(tags, quote_via=urllib.parse.quote))
    equal(tags_of(here, "x"), tags)


@check
def tags_beyond_ten_in_the_header_are_refused(here):
    call = lambda: here.put("x", b"x", Tagging=urllib.parse.urlencode(simple(11)))
    refused("InvalidTag|BadRequest|InvalidArgument", 400, call)
    refused("NoSuchKey", 404, lambda: here.get("x"))


@check
def tags_of_signs_are_kept(here):
    tags = {"a b": "c d", "+-=._:/@": "+-=._:/@", "über": "größe"}
    here.put("x", b"x")
    set_tags(here, "x", Tagging=tag_set(**tags))
    equal(tags_of(here, "x"), tags)


@check
def tags_are_deleted_with_204(here):
    here.put("x", b"x", Tagging="a=b")
    told = here.s3.delete_object_tagging(Bucket=here.bucket, Key=here.key("x"))
    equal(told["ResponseMetadata"]["HTTPStatusCode"], 204)
    equal(tags_of(here, "x"), {})


@check
def tags_of_what_is_missing_are_refused(here):
    refused("NoSuchKey", 404, lambda: tags_of(here, "nothing"))
    refused("NoSuchKey", 404, lambda: set_tags(here, "nothing", Tagging=tag_set(a="b")))


@check
def tags_go_with_the_object_that_is_replaced(here):
    here.put("x", b"x", Tagging="a=b")
    here.put("x", b"y")
    equal(tags_of(here, "x"), {})


@check
def tags_change_neither_body_nor_metadata(here):
    here.put("x", b"body", ContentType="text/bla", Metadata={"a": "b"})
    set_tags(here, "x", Tagging=tag_set(c="d"))
    got = here.get("x")
    equal((got["Body"].read(), got["ContentType"], got["Metadata"]), (b"body", "text/bla", {"a": "b"}))


@check
def tags_are_counted_by_a_read(here):
    here.put("x", b"x", Tagging="a=b&c=d&e=f")
    equal(here.get("x")["TagCount"], 3)


@check
def tags_of_an_object_written_in_parts_are_set(here):
    here.upload("x", [b"x"])
    set_tags(here, "x", Tagging=tag_set(a="b"))
    equal(tags_of(here, "x"), {"a": "b"})


@check
def tags_that_are_no_document_are_refused(here):
    here.put("x", b"x")
    body = b"<Tagging><TagSet><Tag>"
    url = url_of(here.bucket, here.key("x")) + "?tagging="
    told = send("PUT", url, body, {"Content-MD5": base64_of(hashlib.md5(body).digest())})
    equal(told.status, 400)
    true(b"MalformedXML" in told.body, told.body[:200])


@check
def tags_of_a_bucket_are_set_read_and_removed(here):
    read = lambda: here.s3.get_bucket_tagging(Bucket=GIVEN["suspended"])["TagSet"]
    refused("NoSuchTagSet", 404, read)
    here.s3.put_bucket_tagging(Bucket=GIVEN["suspended"], Tagging=tag_set(Hello="World"))
    equal(read(), [{"Key": "Hello", "Value": "World"}])
    here.s3.delete_bucket_tagging(Bucket=GIVEN["suspended"])
    refused("NoSuchTagSet", 404, read)
