"""Deletions of many objects by one request."""
import hashlib

from .here import base64_of, check, equal, refused, send, true, url_of


@check
def deletes_of_many(here):
    here.fill("a", "b", "c d", "é")
    objects = [{"Key": here.key(name)} for name in ("a", "b", "c d", "é", "not there")]
    told = here.s3.delete_objects(Bucket=here.bucket, Delete={"Objects": objects})
    equal({entry["Key"] for entry in told["Deleted"]}, {entry["Key"] for entry in objects})
    equal(here.list(2)[0], [])


@check
def deletes_of_many_in_quiet(here):
    here.fill("a", "b")
    objects = [{"Key": here.key(name)} for name in ("a", "b")]
    told = here.s3.delete_objects(Bucket=here.bucket, Delete={"Objects": objects, "Quiet": True})
    equal(told.get("Deleted", []), [])
    equal(here.list(2)[0], [])


@check
def deletes_of_more_than_1000_are_refused(here):
    objects = [{"Key": here.key(str(number))} for number in range(1001)]
    refused("MalformedXML", 400, lambda: here.s3.delete_objects(Bucket=here.bucket, Delete={"Objects": objects}))


def delete_all(here, *objects, **more):
    return here.s3.delete_objects(Bucket=here.bucket, Delete={"Objects": list(objects), **more})


@check
def deletes_of_many_succeed_again(here):
    here.fill("key0", "key1", "key2")
    objects = [{"Key": here.key(f"key{number}")} for number in range(3)]
    for _ in range(2):
        told = delete_all(here, *objects)
        equal((len(told["Deleted"]), told.get("Errors", [])), (3, []))
        equal(here.list(1)[0], [])


@check
def deletes_of_many_leave_the_others(here):
    here.fill("a", "b", "c")
    delete_all(here, {"Key": here.key("a")}, {"Key": here.key("c")})
    equal(here.list(2)[0], ["b"])


@check
def deletes_of_one(here):
    here.fill("a")
    equal([entry["Key"] for entry in delete_all(here, {"Key": here.key("a")})["Deleted"]], [here.key("a")])


@check
def deletes_of_a_thousand(here):
    objects = [{"Key": here.key(str(number))} for number in range(1000)]
    here.fill("0", "999")
    equal(len(delete_all(here, *objects)["Deleted"]), 1000)
    equal(here.list(2)[0], [])


@check
def deletes_of_none_are_refused(here):
    url = url_of(here.bucket) + "?delete="
    body = b"<Delete></Delete>"
    told = send("POST", url, body, {"Content-MD5": base64_of(hashlib.md5(body).digest())})
    equal(told.status, 400)
    true(b"MalformedXML" in told.body, told.body[:200])


@check
def deletes_of_what_is_no_document_are_refused(here):
    url = url_of(here.bucket) + "?delete="
    body = b"<Delete><Object><Key>a</Key>"
    told = send("POST", url, body, {"Content-MD5": base64_of(hashlib.md5(body).digest())})
    equal(told.status, 400)
    true(b"MalformedXML" in told.body, told.body[:200])


@check
def deletes_of_keys_with_signs(here):
    names = ("a&b", "<c>", "\"d\"", "e+f g", "50%", "ü", "_", "//")
    here.fill(*names)
    told = delete_all(here, *[{"Key": here.key(name)} for name in names])
    equal({entry["Key"] for entry in told["Deleted"]}, {here.key(name) for name in names})
    equal(here.list(2)[0], [])


@check
def deletes_of_one_key_twice(here):
    here.fill("a")
    delete_all(here, {"Key": here.key("a")}, {"Key": here.key("a")})
    equal(here.list(2)[0], [])


@check
def deletes_in_quiet_of_what_is_missing(here):
    told = delete_all(here, {"Key": here.key("a")}, Quiet=True)
    equal((told.get("Deleted", []), told.get("Errors", [])), ([], []))
