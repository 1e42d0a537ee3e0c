"""Objects: bodies, headers, metadata, and requests of odd headers."""
import datetime
import email.header
import hashlib
import io
import urllib.parse

from .here import (
    CHECKS,
    DIRECT,
    ENCRYPTED,
    MIB,
    Answer,
    base64_of,
    check,
    connect,
    equal,
    fetch,
    md5,
    now,
    random_bytes,
    refused,
    send,
    signed_headers,
    true,
    url_of,
    with_header,
)


@check
def object_is_read_as_written(here):
    for size in (0, 1, 4095, 65535, 65536, 65537, 300_001):
        body = random_bytes(size)
        here.put(f"o{size}", body)
        equal(here.body(f"o{size}"), body)
        equal(here.head(f"o{size}")["ContentLength"], size)


@check
def object_is_replaced(here):
    here.put("x", b"one")
    here.put("x", b"two and more")
    equal(here.body("x"), b"two and more")


@check
def object_that_is_missing_is_refused(here):
    refused("NoSuchKey", 404, lambda: here.get("nothing"))
    refused(None, 404, lambda: here.head("nothing"))


@check
def object_is_deleted_and_again(here):
    here.put("x", b"x")
    here.delete("x")
    refused("NoSuchKey", 404, lambda: here.get("x"))
    equal(here.delete("x")["ResponseMetadata"]["HTTPStatusCode"], 204)


@check
def object_keeps_its_headers(here):
    told = {
        "CacheControl": "public, max-age=14400",
        "ContentDisposition": 'attachment; filename="a b.txt"',
        "ContentEncoding": "gzip",
        "ContentLanguage": "de",
        "ContentType": "text/csv; charset=utf-8",
    }
    here.put("x", b"x", **told)
    for head in (here.head("x"), here.get("x")):
        equal({name: head[name] for name in told}, told)


@check
def object_keeps_its_expiry(here):
    here.put("x", b"x", Expires=datetime.datetime(2030, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc))
    equal(here.head("x")["ResponseMetadata"]["HTTPHeaders"]["expires"], "Wed, 02 Jan 2030 03:04:05 GMT")


@check
def object_has_a_default_type(here):
    here.put("x", b"x")
    equal(here.head("x")["ContentType"], "binary/octet-stream")


@check
def metadata_is_kept_and_replaced(here):
    here.put("x", b"x", Metadata={"one": "1", "two-words": "a b"})
    equal(here.head("x")["Metadata"], {"one": "1", "two-words": "a b"})
    here.put("x", b"x", Metadata={"three": "3"})
    equal(here.head("x")["Metadata"], {"three": "3"})
    here.put("x", b"x")
    equal(here.head("x")["Metadata"], {})


@check
def metadata_may_be_empty(here):
    here.put("x", b"x", Metadata={"empty": ""})
    equal(here.head("x")["Metadata"].get("empty"), "")


@check
def metadata_names_are_of_any_case(here):
    here.put("x", b"x", Metadata={"Mixed-Case": "Value"})
    equal(here.head("x")["Metadata"], {"mixed-case": "Value"})


@check
def etag_is_the_same_everywhere(here):
    told = here.put("x", b"hello")["ETag"]
    equal(here.head("x")["ETag"], told)
    equal(here.get("x")["ETag"], told)


@check
def content_md5_that_holds_is_taken(here):
    here.put("x", b"hello", ContentMD5=base64_of(hashlib.md5(b"hello").digest()))
    equal(here.body("x"), b"hello")


@check
def content_md5_that_does_not_hold_is_refused(here):
    wrong = base64_of(hashlib.md5(b"other").digest())
    refused("BadDigest", 400, lambda: here.put("x", b"hello", ContentMD5=wrong))
    refused("NoSuchKey", 404, lambda: here.get("x"))


@check
def content_md5_that_is_none_is_refused(here):
    refused("InvalidDigest", 400, lambda: here.put("x", b"hello", ContentMD5="bad"))


@check
def object_of_no_byte_has_a_head(here):
    here.put("x", b"")
    equal((here.head("x")["ContentLength"], here.body("x")), (0, b""))


@check
def object_etag_is_its_md5_where_it_is_not_encrypted(here):
    told = here.put("x", b"bar")["ETag"]
    if ENCRYPTED:
        true(told != f'"{md5(b"bar")}"', "tells what was encrypted")
    else:
        equal(told, f'"{md5(b"bar")}"')


@check
def object_is_written_read_replaced_read_and_deleted(here):
    here.put("x", b"bar")
    equal(here.body("x"), b"bar")
    here.put("x", b"soup")
    equal(here.body("x"), b"soup")
    here.delete("x")
    refused(None, 404, lambda: here.head("x"))


@check
def object_in_a_missing_bucket_is_refused(here):
    absent = {"Bucket": "not-there-at-all", "Key": "x"}
    refused("NoSuchBucket|AccessDenied", 404 if DIRECT else 403, lambda: here.s3.put_object(Body=b"x", **absent))
    refused("NoSuchBucket|AccessDenied", 404 if DIRECT else 403, lambda: here.s3.get_object(**absent))


@check
def object_may_be_of_an_empty_type(here):
    here.put("x", b"bar", ContentType="")
    equal(here.body("x"), b"bar")


@check
def object_of_the_standard_class_is_taken(here):
    here.put("x", b"bar", StorageClass="STANDARD")
    equal(here.list(2)[2]["Contents"][0]["StorageClass"], "STANDARD")


@check
def object_says_when_it_was_written(here):
    here.put("x", b"bar")
    for told in (here.head("x"), here.get("x")):
        true(abs((now() - told["LastModified"]).total_seconds()) < 600, "LastModified is not now")


@check
def object_is_taken_from_a_stream(here):
    body = random_bytes(3 * MIB + 1)
    here.put("x", io.BytesIO(body))
    equal(here.body("x"), body)


@check
def object_of_8_mib_is_read_as_written(here):
    body = random_bytes(8 * MIB)
    here.put("x", body)
    equal(md5(here.body("x")), md5(body))


@check
def object_is_replaced_by_a_smaller_and_a_larger_one(here):
    for size in (100_000, 10, 300_000, 0, 70_000):
        here.put("x", random_bytes(size))
        equal(here.body("x"), random_bytes(size))


@check
def object_headers_go_with_the_object_that_replaces_it(here):
    here.put("x", b"one", CacheControl="no-cache", ContentLanguage="de", ContentDisposition="inline")
    here.put("x", b"two")
    head = here.head("x")
    true(not {"CacheControl", "ContentLanguage", "ContentDisposition"} & set(head), "a header of before is left")


@check
def object_headers_are_kept_without_a_body(here):
    here.put("x", b"", ContentType="text/plain", CacheControl="max-age=1", Metadata={"a": "b"})
    head = here.head("x")
    equal((head["ContentType"], head["CacheControl"], head["Metadata"]), ("text/plain", "max-age=1", {"a": "b"}))


@check
def metadata_is_replaced_by_an_empty_value(here):
    here.put("x", b"x", Metadata={"meta1": "before"})
    here.put("x", b"x", Metadata={"meta1": ""})
    equal(here.head("x")["Metadata"], {"meta1": ""})


@check
def metadata_of_many_names_is_kept(here):
    told = {f"name-{number}": "v" * 20 for number in range(40)}
    here.put("x", b"x", Metadata=told)
    equal(here.head("x")["Metadata"], told)
    equal(here.get("x")["Metadata"], told)


@check
def metadata_of_signs_is_kept(here):
    told = {"signs": "a=b; c, d/e:f (g) [h] {i} \"j\" 'k' 100% +1 ~ @ # $ & *"}
    here.put("x", b"x", Metadata=told)
    equal(here.head("x")["Metadata"], told)


@check
def metadata_that_is_an_encoded_word_is_kept(here):
    here.put("x", b"x", Metadata={"meta1": "=?UTF-8?Q?Hello_World=C3=A9?="})
    told = here.head("x")["Metadata"]["meta1"]
    equal(str(email.header.make_header(email.header.decode_header(told))), "Hello World\u00e9")


def unreadable_metadata(label, value):
    def run(here):
        headers = signed_headers("PUT", url_of(here.bucket, here.key("x")), b"x", {"x-amz-meta-meta1": value})
        true(fetch("PUT", url_of(here.bucket, here.key("x")), b"x", headers).status in (400, 403), "was taken")
        refused("NoSuchKey", 404, lambda: here.get("x"))

    run.__name__ = f"metadata_with_a_control_character_{label}_is_refused"
    CHECKS.append(run)


unreadable_metadata("at_the_start", "\x04w")
unreadable_metadata("within", "h\x04w")
unreadable_metadata("at_the_end", "h\x04")


@check
def content_md5_that_is_empty_is_refused(here):
    with_header(here, "PutObject", "Content-MD5", "")
    refused("InvalidDigest", 400, lambda: here.put("x", b"hello"))


@check
def content_md5_that_is_short_is_refused(here):
    refused("InvalidDigest", 400, lambda: here.put("x", b"hello", ContentMD5=base64_of(b"short")))


@check
def content_length_that_is_missing_is_refused(here):
    url = url_of(here.bucket, here.key("x"))
    told = bare("PUT", url, signed_headers("PUT", url, b""))
    equal(told.status, 411)
    true(b"MissingContentLength" in told.body, told.body[:200])


def bad_length(label, value):
    def run(here):
        url = url_of(here.bucket, here.key("x"))
        told = bare("PUT", url, {**signed_headers("PUT", url, b""), "Content-Length": value})
        equal(told.status, 400)
        refused("NoSuchKey", 404, lambda: here.get("x"))

    run.__name__ = f"content_length_that_is_{label}_is_refused"
    CHECKS.append(run)


bad_length("negative", "-1")
bad_length("a_word", "many")


def bare(method, url, headers):
    """A request of these headers only, without a length that http.client would add."""
    at = urllib.parse.urlsplit(url)
    connection = connect(url)
    try:
        connection.putrequest(method, at.path, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        told = connection.getresponse()
        return Answer(told.status, dict(told.getheaders()), told.read())
    finally:
        connection.close()


def first_line(url, headers):
    """Sends the head of a request alone; gives the first line that is answered."""
    at = urllib.parse.urlsplit(url)
    connection = connect(url)
    try:
        connection.connect()
        head = "".join(f"{name}: {value}\r\n" for name, value in {"Host": at.netloc, **headers}.items())
        connection.sock.sendall(f"PUT {at.path} HTTP/1.1\r\n{head}\r\n".encode())
        return connection.sock.recv(1024).split(b"\r\n")[0]
    finally:
        connection.close()


@check
def expect_continue_is_answered_before_the_body(here):
    url = url_of(here.bucket, here.key("x"))
    headers = signed_headers("PUT", url, b"x" * 123)
    true(b" 100 " in first_line(url, {**headers, "Content-Length": "123", "Expect": "100-continue"}), "no 100")


@check
def expect_continue_of_a_stranger_is_refused_before_the_body(here):
    url = url_of(here.bucket, here.key("x"))
    told = first_line(url, {"Content-Length": "123", "Expect": "100-continue"})
    true(b" 403 " in told or b" 401 " in told, told)


def odd_expect(label, value):
    def run(here):
        with_header(here, "PutObject", "Expect", value)
        here.put("x", b"hello")
        equal(here.body("x"), b"hello")

    run.__name__ = f"expect_that_is_{label}_is_ignored"
    CHECKS.append(run)


odd_expect("a_number", "200")
odd_expect("empty", "")


@check
def request_id_of_a_refusal_is_the_one_of_its_header(here):
    told = send("GET", url_of(here.bucket, here.key("nothing")))
    equal(told.status, 404)
    true(f"<RequestId>{told.headers['x-amz-request-id']}</RequestId>".encode() in told.body, told.body[:300])
