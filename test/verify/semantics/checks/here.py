"""What every check has: where it runs, its own corner of a bucket, and the words it judges with.

A check leaves nothing that another one sees: each has a prefix of its own.
"""
import base64
import datetime
import hashlib
import http.client
import json
import ssl
import sys
import threading
import time
import urllib.parse

import boto3
import botocore.session
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.client import Config
from botocore.exceptions import ClientError
from botocore.handlers import add_expect_header

GIVEN = json.loads(sys.argv[1])
MIB = 1024 * 1024
DIRECT = GIVEN["mode"] == "direct"
# What the gateway keeps encrypted has an ETag that is no MD5.
ENCRYPTED = GIVEN["mode"] == "encrypted"
CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


class Here:
    """One check's own corner of a bucket."""

    def __init__(self, name):
        self.s3 = client()
        self.prefix = f"{GIVEN['prefix']}{name}/"
        self.bucket = GIVEN["bucket"]

    def key(self, name):
        return self.prefix + name

    def put(self, name, body=b"", **more):
        return self.s3.put_object(Bucket=self.bucket, Key=self.key(name), Body=body, **more)

    def get(self, name, **more):
        return self.s3.get_object(Bucket=self.bucket, Key=self.key(name), **more)

    def body(self, name, **more):
        return self.get(name, **more)["Body"].read()

    def head(self, name, **more):
        return self.s3.head_object(Bucket=self.bucket, Key=self.key(name), **more)

    def delete(self, name, **more):
        return self.s3.delete_object(Bucket=self.bucket, Key=self.key(name), **more)

    def fill(self, *names):
        for name in names:
            self.put(name, name.encode())

    def list(self, version, **more):
        """Names and common prefixes of one page, without the check's prefix."""
        call = self.s3.list_objects if version == 1 else self.s3.list_objects_v2
        asked = {"Prefix": self.prefix + more.pop("Prefix", "")}
        for name in ("Marker", "StartAfter"):
            if name in more:
                asked[name] = self.prefix + more.pop(name)
        page = call(Bucket=self.bucket, **asked, **more)
        names = [entry["Key"][len(self.prefix):] for entry in page.get("Contents", [])]
        shared = [entry["Prefix"][len(self.prefix):] for entry in page.get("CommonPrefixes", [])]
        return names, shared, page

    def copy(self, source, target, **more):
        return self.s3.copy_object(
            Bucket=self.bucket, Key=self.key(target), CopySource={"Bucket": self.bucket, "Key": self.key(source)}, **more
        )

    def upload(self, name, parts, **more):
        """Uploads in parts; gives the answer of the completion."""
        made = self.s3.create_multipart_upload(Bucket=self.bucket, Key=self.key(name), **more)
        told = [
            {"PartNumber": number, "ETag": self.part(name, made["UploadId"], number, body)["ETag"]}
            for number, body in enumerate(parts, 1)
        ]
        return self.complete(name, made["UploadId"], told)

    def create(self, name, **more):
        return self.s3.create_multipart_upload(Bucket=self.bucket, Key=self.key(name), **more)["UploadId"]

    def part(self, name, upload, number, body, **more):
        return self.s3.upload_part(
            Bucket=self.bucket, Key=self.key(name), UploadId=upload, PartNumber=number, Body=body, **more
        )

    def complete(self, name, upload, parts, **more):
        return self.s3.complete_multipart_upload(
            Bucket=self.bucket, Key=self.key(name), UploadId=upload, MultipartUpload={"Parts": parts}, **more
        )

    def abort(self, name, upload):
        return self.s3.abort_multipart_upload(Bucket=self.bucket, Key=self.key(name), UploadId=upload)

    def in_bucket(self, bucket):
        self.bucket = GIVEN[bucket]
        return self


def client(**more):
    config = {
        "s3": {"addressing_style": "path"},
        "signature_version": "s3v4",
        "retries": {"max_attempts": 0},
        "read_timeout": GIVEN["patience"],
    }
    made = boto3.client(
        "s3",
        endpoint_url=GIVEN["endpoint"],
        region_name=GIVEN["region"],
        verify=GIVEN["ca"] or True,
        config=Config(**{**config, **more}),
    )
    if DIRECT:
        # botocore takes a "100" without a reason phrase, which Tomcat sends (S3Mock), for the answer.
        made.meta.events.unregister("before-call.s3", add_expect_header)
    return made


def equal(got, wanted):
    if got != wanted:
        raise AssertionError(f"got {str(got)[:200]}, wanted {str(wanted)[:200]}")


def true(got, what):
    if not got:
        raise AssertionError(what)


def refused(code, status, call):
    """`code`: one S3 code, several by `|`, or None (HEAD has no document)."""
    try:
        call()
    except ClientError as error:
        told = error.response
        equal(told["ResponseMetadata"]["HTTPStatusCode"], status)
        if code is not None:
            true(told["Error"]["Code"] in code.split("|"), f"got {told['Error']['Code']}, wanted {code}")
        return told
    raise AssertionError(f"was not refused with {status} {code}")


def status_of(call):
    """The status of an answer, refused or not."""
    try:
        return call()["ResponseMetadata"]["HTTPStatusCode"]
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"]


def random_bytes(size):
    return hashlib.shake_128(str(size).encode()).digest(size)


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def once_over(moment):
    """Gives the second after it, when that is over: stores keep parts of a second that no header says, and some pass over a date to come."""
    later = moment + datetime.timedelta(seconds=1)
    time.sleep(max(0, (later - now()).total_seconds()) + 0.2)
    return later


HOUR = datetime.timedelta(hours=1)
YESTERDAY = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
PART = random_bytes(5 * MIB)
NO_ETAG = '"0123456789abcdef0123456789abcdef"'


def md5(body):
    return hashlib.md5(body).hexdigest()


def base64_of(body):
    return base64.b64encode(body).decode()


def with_header(here, operation, name, value):
    """Signs and sends one more header with each call of an operation."""
    here.s3.meta.events.register(
        f"before-call.s3.{operation}", lambda params, **_: params["headers"].__setitem__(name, value)
    )
    return here


def with_query(here, operation, query):
    """Appends to the query of each call of an operation."""

    def append(params, **_):
        params["url"] += ("&" if "?" in params["url"] else "?") + query

    here.s3.meta.events.register(f"before-call.s3.{operation}", append)
    return here


def together(*calls):
    """Runs them at once; gives what each gave or raised."""
    results = [None] * len(calls)

    def run(number, call):
        try:
            results[number] = call()
        except Exception as raised:
            results[number] = raised

    threads = [threading.Thread(target=run, args=one) for one in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body


def connect(url=None):
    at = urllib.parse.urlsplit(url or GIVEN["endpoint"])
    if at.scheme == "https":
        context = ssl.create_default_context(cafile=GIVEN["ca"])
        return http.client.HTTPSConnection(at.hostname, at.port, timeout=GIVEN["patience"], context=context)
    return http.client.HTTPConnection(at.hostname, at.port, timeout=GIVEN["patience"])


def fetch(method, url, body=None, headers=None):
    """One request as it is given: nothing is signed or added but Host and the length of the body."""
    at = urllib.parse.urlsplit(url)
    connection = connect(url)
    try:
        connection.request(method, at.path + ("?" + at.query if at.query else ""), body=body, headers=headers or {})
        told = connection.getresponse()
        return Answer(told.status, {name.lower(): value for name, value in told.getheaders()}, told.read())
    finally:
        connection.close()


def url_of(bucket, key=""):
    return f"{GIVEN['endpoint']}/{bucket}" + (f"/{urllib.parse.quote(key)}" if key else "")


def signed_headers(method, url, body=b"", headers=None):
    """The headers of a request that is signed by hand, and may be spoiled afterwards."""
    request = AWSRequest(method=method, url=url, data=body, headers=headers or {})
    S3SigV4Auth(botocore.session.get_session().get_credentials(), "s3", GIVEN["region"]).add_auth(request)
    return dict(request.headers.items())


def send(method, url, body=b"", headers=None):
    return fetch(method, url, body, signed_headers(method, url, body, headers))
