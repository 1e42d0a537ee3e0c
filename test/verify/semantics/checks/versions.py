"""Versions: written, listed, read, copied and removed."""
from .here import CHECKS, GIVEN, MIB, PART, check, equal, md5, refused, together, true


def versions_of(here, **more):
    told = here.s3.list_object_versions(Bucket=here.bucket, Prefix=here.prefix, **more)
    return told.get("Versions", []), told.get("DeleteMarkers", [])


@check
def versions_are_kept_and_read(here):
    here.in_bucket("versioned")
    ids = [here.put("x", body)["VersionId"] for body in (b"one", b"two two", b"three")]
    equal(len(set(ids)), 3)
    equal([here.body("x", VersionId=version) for version in ids], [b"one", b"two two", b"three"])
    equal(here.head("x", VersionId=ids[1])["ContentLength"], 7)
    equal(here.body("x"), b"three")
    versions, _ = versions_of(here)
    equal([(v["VersionId"], v["IsLatest"], v["Size"]) for v in versions], [(ids[2], True, 5), (ids[1], False, 7), (ids[0], False, 3)])


@check
def version_delete_marker_hides_and_its_removal_shows(here):
    here.in_bucket("versioned")
    here.put("x", b"x")
    told = here.delete("x")
    equal(told["DeleteMarker"], True)
    answer = refused("NoSuchKey", 404, lambda: here.get("x"))
    equal(answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-delete-marker", "true"), "true")
    equal(here.list(2)[0], [])
    versions, markers = versions_of(here)
    equal((len(versions), [m["IsLatest"] for m in markers]), (1, [True]))
    here.delete("x", VersionId=told["VersionId"])
    equal(here.body("x"), b"x")


@check
def version_is_removed(here):
    here.in_bucket("versioned")
    first = here.put("x", b"one")["VersionId"]
    second = here.put("x", b"two")["VersionId"]
    here.delete("x", VersionId=second)
    equal(here.body("x"), b"one")
    here.delete("x", VersionId=first)
    refused("NoSuchKey", 404, lambda: here.get("x"))


@check
def version_that_never_was_is_refused(here):
    here.in_bucket("versioned")
    here.put("x", b"x")
    refused("NoSuchVersion|InvalidArgument", 404, lambda: here.get("x", VersionId="0" * 32))


@check
def version_is_copied(here):
    here.in_bucket("versioned")
    first = here.put("x", b"one")["VersionId"]
    here.put("x", b"two")
    source = {"Bucket": here.bucket, "Key": here.key("x"), "VersionId": first}
    told = here.s3.copy_object(Bucket=here.bucket, Key=here.key("y"), CopySource=source)
    equal(here.body("y"), b"one")
    equal(told["CopySourceVersionId"], first)
    true(told["VersionId"], "no version")


@check
def version_of_an_upload_in_parts(here):
    here.in_bucket("versioned")
    here.put("x", b"before")
    here.upload("x", [PART, b"end"])
    equal(here.body("x"), PART + b"end")
    versions, _ = versions_of(here)
    equal([v["Size"] for v in versions], [5 * MIB + 3, 6])


@check
def versions_are_deleted_together(here):
    here.in_bucket("versioned")
    ids = [here.put("x", body)["VersionId"] for body in (b"1", b"2", b"3")]
    objects = [{"Key": here.key("x"), "VersionId": version} for version in ids]
    told = here.s3.delete_objects(Bucket=here.bucket, Delete={"Objects": objects})
    equal({entry["VersionId"] for entry in told["Deleted"]}, set(ids))
    equal(versions_of(here), ([], []))


@check
def versions_are_listed_page_by_page(here):
    here.in_bucket("versioned")
    wanted = [(name, here.put(name, b"x")["VersionId"]) for name in ("a", "a", "b", "b", "c")]
    seen, more = [], {}
    for _ in range(8):
        told = here.s3.list_object_versions(Bucket=here.bucket, Prefix=here.prefix, MaxKeys=2, **more)
        seen += [(v["Key"][len(here.prefix):], v["VersionId"]) for v in told.get("Versions", [])]
        if not told["IsTruncated"]:
            break
        more = {"KeyMarker": told["NextKeyMarker"], "VersionIdMarker": told["NextVersionIdMarker"]}
    equal(sorted(seen), sorted(wanted))


@check
def version_has_tags_of_its_own(here):
    here.in_bucket("versioned")
    first = here.put("x", b"one", Tagging="a=1")["VersionId"]
    here.put("x", b"two", Tagging="a=2")
    told = here.s3.get_object_tagging(Bucket=here.bucket, Key=here.key("x"), VersionId=first)["TagSet"]
    equal(told, [{"Key": "a", "Value": "1"}])


def write(here, name, count):
    """Writes versions; gives their ids and bodies, the oldest first."""
    bodies = [f"content-{number}".encode() for number in range(count)]
    return [here.put(name, body)["VersionId"] for body in bodies], bodies


def holds(here, name, ids, bodies):
    """Demands that exactly these versions are there, each with its body."""
    versions, _ = versions_of(here)
    equal([entry["VersionId"] for entry in versions if entry["Key"] == here.key(name)], ids[::-1])
    equal([here.body(name, VersionId=version) for version in ids], bodies)


def removal(label, order):
    def run(here):
        here.in_bucket("versioned")
        ids, bodies = write(here, "x", 5)
        for place in order:
            at = place % len(ids)
            here.delete("x", VersionId=ids.pop(at))
            bodies.pop(at)
            holds(here, "x", ids, bodies)
            if ids:
                equal(here.body("x"), bodies[-1])
        refused("NoSuchKey", 404, lambda: here.get("x"))

    run.__name__ = f"versions_are_removed_{label}"
    CHECKS.append(run)


removal("from_the_newest", [-1] * 5)
removal("from_the_oldest", [0] * 5)
removal("from_the_middle", [1, 1, 1, 1, 0])
removal("here_and_there", [3, 6, 9, 12, 15])


@check
def versions_of_special_names_are_removed(here):
    here.in_bucket("versioned")
    for name in ("_object", "_", ":", " "):
        ids, bodies = write(here, name, 3)
        holds(here, name, ids, bodies)
        for version in ids:
            here.delete(name, VersionId=version)
    equal(versions_of(here), ([], []))


@check
def version_that_is_written_is_told_and_listed(here):
    here.in_bucket("versioned")
    told = here.put("x", b"x")["VersionId"]
    equal([entry["VersionId"] for entry in versions_of(here)[0]], [told])
    equal((here.head("x")["VersionId"], here.get("x")["VersionId"]), (told, told))


@check
def version_is_told_by_no_bucket_without_versions(here):
    true("VersionId" not in here.put("x", b"x"), "a version")
    true("VersionId" not in here.upload("y", [b"y"]), "a version of an upload")
    true("VersionId" not in here.delete("x"), "a version of a deletion")


@check
def version_of_an_upload_in_parts_is_told_and_listed(here):
    here.in_bucket("versioned")
    told = here.upload("x", [PART, b"end"])["VersionId"]
    equal([entry["VersionId"] for entry in versions_of(here)[0]], [told])


@check
def versions_of_uploads_in_parts_are_read_and_removed(here):
    here.in_bucket("versioned")
    bodies = [bytes([65 + number]) * 1000 for number in range(3)]
    ids = [here.upload("x", [body])["VersionId"] for body in bodies]
    holds(here, "x", ids, bodies)
    here.delete("x", VersionId=ids[2])
    equal(here.body("x"), bodies[1])


@check
def versions_say_what_head_says(here):
    here.in_bucket("versioned")
    write(here, "a", 2)
    write(here, "b", 1)
    for entry in versions_of(here)[0]:
        head = here.head(entry["Key"][len(here.prefix):], VersionId=entry["VersionId"])
        equal((entry["ETag"], entry["Size"], entry["VersionId"]), (head["ETag"], head["ContentLength"], head["VersionId"]))
        equal(entry["LastModified"].replace(microsecond=0), head["LastModified"])
        true(entry["Owner"]["ID"], "no owner")


@check
def versions_are_listed_by_key_and_the_newest_first(here):
    here.in_bucket("versioned")
    first, _ = write(here, "object", 4)
    second, _ = write(here, "object-1", 4)
    listed = [(entry["Key"][len(here.prefix):], entry["VersionId"]) for entry in versions_of(here)[0]]
    equal(listed, [("object", version) for version in first[::-1]] + [("object-1", version) for version in second[::-1]])


@check
def versions_are_grouped_by_a_delimiter(here):
    here.in_bucket("versioned")
    write(here, "a/1", 2)
    write(here, "b", 2)
    told = here.s3.list_object_versions(Bucket=here.bucket, Prefix=here.prefix, Delimiter="/")
    equal([entry["Prefix"] for entry in told["CommonPrefixes"]], [here.key("a/")])
    equal([entry["Key"] for entry in told["Versions"]], [here.key("b")] * 2)


@check
def versions_are_listed_after_a_key(here):
    here.in_bucket("versioned")
    write(here, "a", 2)
    write(here, "b", 2)
    told = here.s3.list_object_versions(Bucket=here.bucket, Prefix=here.prefix, KeyMarker=here.key("a"))
    equal([entry["Key"] for entry in told["Versions"]], [here.key("b")] * 2)
    equal(told["KeyMarker"], here.key("a"))


@check
def versions_of_no_key(here):
    here.in_bucket("versioned")
    equal(versions_of(here), ([], []))


@check
def version_of_a_copy_and_of_its_source(here):
    here.in_bucket("versioned")
    ids, bodies = write(here, "x", 3)
    for number, version in enumerate(ids):
        source = {"Bucket": here.bucket, "Key": here.key("x"), "VersionId": version}
        here.s3.copy_object(Bucket=here.bucket, Key=here.key(f"y{number}"), CopySource=source)
        equal(here.body(f"y{number}"), bodies[number])
        here.s3.copy_object(Bucket=GIVEN["bucket"], Key=here.key(f"z{number}"), CopySource=source)
        equal(here.s3.get_object(Bucket=GIVEN["bucket"], Key=here.key(f"z{number}"))["Body"].read(), bodies[number])


@check
def version_that_is_current_is_copied_where_none_is_named(here):
    here.in_bucket("versioned")
    _, bodies = write(here, "x", 3)
    here.copy("x", "y")
    equal(here.body("y"), bodies[-1])


@check
def version_of_a_name_with_signs_is_copied(here):
    here.in_bucket("versioned")
    version = here.put("foo?bar", b"body")["VersionId"]
    source = {"Bucket": here.bucket, "Key": here.key("foo?bar"), "VersionId": version}
    here.s3.copy_object(Bucket=here.bucket, Key=here.key("bar&foo"), CopySource=source)
    equal(here.body("bar&foo"), b"body")


@check
def version_of_an_upload_in_parts_is_copied(here):
    here.in_bucket("versioned")
    made = here.create("x", ContentType="text/bla", Metadata={"foo": "bar"})
    etags = [here.part("x", made, number, body)["ETag"] for number, body in ((1, PART), (2, b"end"))]
    told = here.complete("x", made, [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)])
    here.put("x", b"newer")
    source = {"Bucket": here.bucket, "Key": here.key("x"), "VersionId": told["VersionId"]}
    here.s3.copy_object(Bucket=here.bucket, Key=here.key("y"), CopySource=source)
    got = here.get("y")
    equal((got["ContentType"], got["Metadata"]), ("text/bla", {"foo": "bar"}))
    equal(md5(got["Body"].read()), md5(PART + b"end"))


@check
def version_is_read_by_range_and_condition(here):
    here.in_bucket("versioned")
    ids, bodies = write(here, "x", 2)
    etag = here.head("x", VersionId=ids[0])["ETag"]
    equal(here.body("x", VersionId=ids[0], Range="bytes=2-4"), bodies[0][2:5])
    equal(here.body("x", VersionId=ids[0], IfMatch=etag), bodies[0])
    refused(None, 304, lambda: here.get("x", VersionId=ids[0], IfNoneMatch=etag))


@check
def version_keeps_its_metadata(here):
    here.in_bucket("versioned")
    ids = [here.put("x", b"x", Metadata={"n": str(n)}, ContentType=f"text/{n}")["VersionId"] for n in range(3)]
    for number, version in enumerate(ids):
        head = here.head("x", VersionId=version)
        equal((head["Metadata"], head["ContentType"]), ({"n": str(number)}, f"text/{number}"))


@check
def version_tags_are_set_and_removed_by_version(here):
    here.in_bucket("versioned")
    ids, _ = write(here, "x", 2)
    at = {"Bucket": here.bucket, "Key": here.key("x")}
    here.s3.put_object_tagging(**at, VersionId=ids[0], Tagging={"TagSet": [{"Key": "a", "Value": "1"}]})
    equal(here.s3.get_object_tagging(**at)["TagSet"], [])
    equal(here.s3.get_object_tagging(**at, VersionId=ids[0])["TagSet"], [{"Key": "a", "Value": "1"}])
    here.s3.delete_object_tagging(**at, VersionId=ids[0])
    equal(here.s3.get_object_tagging(**at, VersionId=ids[0])["TagSet"], [])


@check
def version_acl_is_read(here):
    here.in_bucket("versioned")
    ids, _ = write(here, "x", 2)
    told = here.s3.get_object_acl(Bucket=here.bucket, Key=here.key("x"), VersionId=ids[0])
    true(told["Owner"]["ID"] and told["Grants"], "no grants")


@check
def versions_written_at_once_are_all_kept(here):
    here.in_bucket("versioned")
    told = together(*[lambda number=number: here.put("x", str(number).encode())["VersionId"] for number in range(5)])
    equal(sorted(entry["VersionId"] for entry in versions_of(here)[0]), sorted(told))
    together(*[lambda version=version: here.delete("x", VersionId=version) for version in told])
    equal(versions_of(here), ([], []))
