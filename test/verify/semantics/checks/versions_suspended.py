"""Delete markers, versions that are suspended, and null versions."""
from .here import GIVEN, check, equal, refused, true
from .versions import versions_of, write


def markers_of(here):
    return [(entry["Key"][len(here.prefix):], entry["VersionId"]) for entry in versions_of(here)[1]]


@check
def delete_marker_of_what_never_was(here):
    here.in_bucket("versioned")
    told = here.delete("x")
    equal((told["DeleteMarker"], markers_of(here)), (True, [("x", told["VersionId"])]))


@check
def delete_markers_are_made_again(here):
    here.in_bucket("versioned")
    ids = [here.delete("x")["VersionId"] for _ in range(3)]
    equal(sorted(version for _, version in markers_of(here)), sorted(ids))
    equal([entry["IsLatest"] for entry in versions_of(here)[1]], [True, False, False])


@check
def delete_marker_behind_the_newest_removed(here):
    here.in_bucket("versioned")
    ids, bodies = write(here, "x", 5)
    here.delete("x", VersionId=ids.pop())
    equal(here.body("x"), bodies[-2])
    marker = here.delete("x")["VersionId"]
    versions, markers = versions_of(here)
    equal((len(versions), [entry["VersionId"] for entry in markers]), (4, [marker]))
    for version in [*ids, marker]:
        here.delete("x", VersionId=version)
    equal(versions_of(here), ([], []))


@check
def delete_marker_is_told_when_it_is_removed(here):
    here.in_bucket("versioned")
    marker = here.delete("x")["VersionId"]
    told = here.delete("x", VersionId=marker)
    equal((told["DeleteMarker"], told["VersionId"]), (True, marker))


@check
def delete_marker_is_no_object(here):
    here.in_bucket("versioned")
    here.put("x", b"x")
    marker = here.delete("x")["VersionId"]
    refused("MethodNotAllowed|NoSuchKey", 405, lambda: here.get("x", VersionId=marker))
    refused(None, 405, lambda: here.head("x", VersionId=marker))


@check
def delete_marker_is_told_by_a_head(here):
    here.in_bucket("versioned")
    here.put("x", b"x")
    here.delete("x")
    told = refused(None, 404, lambda: here.head("x"))["ResponseMetadata"]["HTTPHeaders"]
    equal(told.get("x-amz-delete-marker"), "true")


@check
def delete_marker_leaves_the_versions_to_be_read(here):
    here.in_bucket("versioned")
    ids, bodies = write(here, "x", 2)
    here.delete("x")
    equal([here.body("x", VersionId=version) for version in ids], bodies)


@check
def deletion_of_versions_succeeds_again(here):
    here.in_bucket("versioned")
    ids, _ = write(here, "x", 2)
    ids.append(here.delete("x")["VersionId"])
    for _ in range(2):
        for version in ids:
            here.delete("x", VersionId=version)
        equal(versions_of(here), ([], []))


def deleted(here, *objects, **more):
    return here.s3.delete_objects(Bucket=here.bucket, Delete={"Objects": list(objects), **more})


@check
def deletes_of_many_make_delete_markers(here):
    here.in_bucket("versioned")
    here.fill("a", "b")
    told = deleted(here, {"Key": here.key("a")}, {"Key": here.key("b")}, {"Key": here.key("c")})["Deleted"]
    equal([entry["DeleteMarker"] for entry in told], [True] * 3)
    made = {(entry["Key"][len(here.prefix):], entry["DeleteMarkerVersionId"]) for entry in told}
    equal(set(markers_of(here)), made)


@check
def deletes_of_many_remove_delete_markers(here):
    here.in_bucket("versioned")
    ids, bodies = write(here, "x", 2)
    marker = here.delete("x")["VersionId"]
    told = deleted(here, {"Key": here.key("x"), "VersionId": marker})["Deleted"][0]
    equal((told["VersionId"], told["DeleteMarker"], told["DeleteMarkerVersionId"]), (marker, True, marker))
    equal(here.body("x"), bodies[-1])


@check
def deletes_of_many_remove_versions_and_markers_together(here):
    here.in_bucket("versioned")
    ids, _ = write(here, "x", 2)
    ids.append(here.delete("x")["VersionId"])
    objects = [{"Key": here.key("x"), "VersionId": version} for version in ids]
    for _ in range(2):
        told = deleted(here, *objects)
        equal(({entry["VersionId"] for entry in told["Deleted"]}, told.get("Errors", [])), (set(ids), []))
        equal(versions_of(here), ([], []))


@check
def deletes_of_many_with_and_without_versions(here):
    here.in_bucket("versioned")
    ids, _ = write(here, "x", 2)
    here.put("y", b"y")
    deleted(here, {"Key": here.key("x"), "VersionId": ids[0]}, {"Key": here.key("y")})
    versions, markers = versions_of(here)
    equal([entry["VersionId"] for entry in versions if entry["Key"] == here.key("x")], ids[1:])
    equal([entry["Key"] for entry in markers], [here.key("y")])


# ---- suspended; each check leaves the bucket suspended


def versioning(here, status):
    here.s3.put_bucket_versioning(Bucket=GIVEN["suspended"], VersioningConfiguration={"Status": status})
    equal(here.s3.get_bucket_versioning(Bucket=GIVEN["suspended"])["Status"], status)


def suspended(here, first="Suspended"):
    here.in_bucket("suspended")
    versioning(here, first)
    return here


@check
def versioning_is_enabled_and_suspended(here):
    for status in ("Suspended", "Enabled", "Enabled", "Suspended"):
        versioning(here, status)


@check
def suspended_object_has_the_null_version(here):
    suspended(here)
    here.put("x", b"x")
    equal([entry["VersionId"] for entry in versions_of(here)[0]], ["null"])
    equal(here.body("x", VersionId="null"), b"x")


@check
def suspended_object_is_replaced_in_place(here):
    suspended(here)
    here.put("x", b"one")
    here.put("x", b"two")
    equal((len(versions_of(here)[0]), here.body("x")), (1, b"two"))


@check
def suspended_null_version_is_removed(here):
    suspended(here)
    here.put("x", b"x")
    here.delete("x", VersionId="null")
    refused("NoSuchKey", 404, lambda: here.get("x"))
    equal(versions_of(here), ([], []))


@check
def suspended_deletion_makes_a_null_marker(here):
    suspended(here)
    here.put("x", b"x")
    here.delete("x")
    refused("NoSuchKey", 404, lambda: here.get("x"))
    versions, markers = versions_of(here)
    equal((versions, [entry["VersionId"] for entry in markers]), ([], ["null"]))
    here.delete("x", VersionId="null")
    equal(versions_of(here), ([], []))


@check
def suspended_writes_leave_the_versions_of_before(here):
    suspended(here, "Enabled")
    ids, bodies = write(here, "x", 3)
    versioning(here, "Suspended")
    here.put("x", b"null one")
    here.put("x", b"null two")
    equal([entry["VersionId"] for entry in versions_of(here)[0]], ["null", *ids[::-1]])
    equal([here.body("x", VersionId=version) for version in ids], bodies)
    equal(here.body("x"), b"null two")
    here.delete("x", VersionId="null")
    equal(here.body("x"), bodies[-1])


@check
def suspended_deletion_leaves_the_versions_of_before(here):
    suspended(here, "Enabled")
    ids, bodies = write(here, "x", 2)
    versioning(here, "Suspended")
    here.delete("x")
    here.delete("x")
    equal([version for _, version in markers_of(here)], ["null"])
    equal([here.body("x", VersionId=version) for version in ids], bodies)
    here.put("x", b"null")
    equal((markers_of(here), here.body("x")), ([], b"null"))


@check
def suspended_and_enabled_again_keeps_the_null_version(here):
    suspended(here)
    here.put("x", b"null")
    versioning(here, "Enabled")
    version = here.put("x", b"newer")["VersionId"]
    equal((here.body("x"), here.body("x", VersionId="null")), (b"newer", b"null"))
    here.delete("x", VersionId=version)
    equal(here.body("x"), b"null")
    here.delete("x", VersionId="null")
    refused("NoSuchKey", 404, lambda: here.get("x"))
    versioning(here, "Suspended")


@check
def suspended_writes_tell_no_version(here):
    suspended(here)
    true(here.put("x", b"x").get("VersionId", "null") == "null", "a version")
    true(here.upload("y", [b"y"]).get("VersionId", "null") == "null", "a version of an upload")


@check
def suspended_upload_in_parts_has_the_null_version(here):
    suspended(here)
    here.put("x", b"before")
    here.upload("x", [b"after"])
    equal([entry["VersionId"] for entry in versions_of(here)[0]], ["null"])
    equal(here.body("x"), b"after")


@check
def suspended_null_version_is_copied(here):
    suspended(here)
    here.put("x", b"null")
    source = {"Bucket": here.bucket, "Key": here.key("x"), "VersionId": "null"}
    here.s3.copy_object(Bucket=here.bucket, Key=here.key("y"), CopySource=source)
    equal(here.body("y"), b"null")
