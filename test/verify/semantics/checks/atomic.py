"""Whoever writes, reads and deletes at once."""
import threading
import time

from botocore.exceptions import ClientError

from .here import CHECKS, MIB, Here, check, equal, fetch, md5, refused, signed_headers, true, url_of, with_header


@check
def writes_at_once_leave_one_of_them(here):
    bodies = [bytes([65 + number]) * 200_000 for number in range(6)]
    writers = [threading.Thread(target=lambda body=body: Here("writes_at_once_leave_one_of_them").put("x", body)) for body in bodies]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    true(here.body("x") in bodies, "a mixture")


@check
def conditional_writes_at_once_have_one_winner(here):
    won = []

    def write(number):
        mine = with_header(Here("conditional_writes_at_once_have_one_winner"), "PutObject", "If-None-Match", "*")
        try:
            mine.put("x", str(number).encode())
            won.append(number)
        except ClientError as error:
            true(error.response["ResponseMetadata"]["HTTPStatusCode"] in (409, 412), "another refusal")

    writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    equal(len(won), 1)
    equal(here.body("x"), str(won[0]).encode())


class Interrupted:
    """A body of which something else is done before the last bytes are sent."""

    def __init__(self, body, between):
        self.pieces, self.between = [body[: len(body) // 2], body[len(body) // 2 :]], between

    def read(self, _=-1):
        if len(self.pieces) == 1 and self.between is not None:
            between, self.between = self.between, None
            between()
        return self.pieces.pop(0) if self.pieces else b""


def put_interrupted(here, name, body, between, headers=None):
    url = url_of(here.bucket, here.key(name))
    signed = signed_headers("PUT", url, body, headers)
    return fetch("PUT", url, Interrupted(body, between), {**signed, "Content-Length": str(len(body))})


def sized(label, run):
    for size in (1, 4, 8):
        function = lambda here, size=size: run(here, size * MIB)
        function.__name__ = f"{label}_of_{size}_mib"
        CHECKS.append(function)


def read_meanwhile(here, size):
    here.put("x", b"A" * size)
    told = put_interrupted(here, "x", b"B" * size, lambda: equal(md5(here.body("x")), md5(b"A" * size)))
    equal((told.status, md5(here.body("x"))), (200, md5(b"B" * size)))


sized("object_that_is_being_written_is_read_as_before", read_meanwhile)


def written_meanwhile(here, size):
    here.put("x", b"")
    told = put_interrupted(here, "x", b"B" * size, lambda: here.put("x", b"A" * size))
    equal((told.status, md5(here.body("x"))), (200, md5(b"B" * size)))


sized("object_that_is_written_twice_is_the_one_that_ended_last", written_meanwhile)


def replaced_meanwhile(here, size):
    here.put("x", b"A" * size)
    stream = here.get("x")["Body"]
    first = stream.read(1000)
    here.put("x", b"B" * size)
    read = first + stream.read()
    equal((len(read), md5(read)), (size, md5(b"A" * size)))
    equal(md5(here.body("x")), md5(b"B" * size))


sized("object_that_is_being_read_is_replaced", replaced_meanwhile)


@check
def object_that_is_being_read_is_deleted(here):
    here.put("x", b"A" * MIB)
    stream = here.get("x")["Body"]
    first = stream.read(1000)
    here.delete("x")
    equal(md5(first + stream.read()), md5(b"A" * MIB))
    refused("NoSuchKey", 404, lambda: here.get("x"))


@check
def object_of_which_the_writer_goes_away_is_as_before(here):
    here.put("x", b"before")

    def leave():
        raise ConnectionAbortedError("left")

    try:
        put_interrupted(here, "x", b"B" * MIB, leave)
    except ConnectionAbortedError:
        pass
    time.sleep(0.3)
    equal(here.body("x"), b"before")


@check
def ceph_object_that_is_written_if_match_any_is_read_as_before(here):
    here.put("x", b"A" * MIB)
    told = put_interrupted(
        here, "x", b"B" * MIB, lambda: equal(md5(here.body("x")), md5(b"A" * MIB)), {"If-Match": "*"}
    )
    equal((told.status, md5(here.body("x"))), (200, md5(b"B" * MIB)))


@check
def object_that_changed_meanwhile_is_not_replaced_on_a_condition(here):
    etag = here.put("x", b"A" * MIB)["ETag"]
    told = put_interrupted(here, "x", b"C" * MIB, lambda: here.put("x", b"B" * MIB), {"If-Match": etag.strip('"')})
    equal(told.status, 412)
    equal(md5(here.body("x")), md5(b"B" * MIB))


@check
def object_that_appears_meanwhile_is_not_replaced_on_a_condition(here):
    told = put_interrupted(here, "x", b"C" * MIB, lambda: here.put("x", b"B" * MIB), {"If-None-Match": "*"})
    equal(told.status, 412)
    equal(md5(here.body("x")), md5(b"B" * MIB))


@check
def upload_in_parts_begun_and_aborted_leaves_the_object(here):
    here.put("x", b"before")
    upload = here.create("x")
    equal(here.body("x"), b"before")
    here.abort("x", upload)
    equal(here.body("x"), b"before")
