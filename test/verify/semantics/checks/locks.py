"""Locks of objects: retention and legal hold."""
import datetime
import re

from .here import CHECKS, GIVEN, HOUR, equal, now, refused, true


def locked(function):
    if GIVEN.get("locked"):
        CHECKS.append(function)
    return function


def until(hours):
    return (now() + hours * HOUR).replace(microsecond=0)


@locked
def lock_retention_is_kept_and_holds(here):
    here.in_bucket("locked")
    version = here.put("x", b"x", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until(1))["VersionId"]
    told = here.s3.get_object_retention(Bucket=here.bucket, Key=here.key("x"))["Retention"]
    equal(told["Mode"], "GOVERNANCE")
    refused("AccessDenied", 403, lambda: here.delete("x", VersionId=version))
    here.delete("x", VersionId=version, BypassGovernanceRetention=True)


@locked
def lock_retention_is_shortened_by_bypass_only(here):
    here.in_bucket("locked")
    version = here.put("x", b"x")["VersionId"]
    put = lambda hours, **more: here.s3.put_object_retention(
        Bucket=here.bucket, Key=here.key("x"), Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until(hours)}, **more
    )
    put(2)
    refused("AccessDenied", 403, lambda: put(1))
    put(1, BypassGovernanceRetention=True)
    here.delete("x", VersionId=version, BypassGovernanceRetention=True)


@locked
def lock_legal_hold_holds_until_it_is_taken_away(here):
    here.in_bucket("locked")
    version = here.put("x", b"x", ObjectLockLegalHoldStatus="ON")["VersionId"]
    equal(here.head("x")["ObjectLockLegalHoldStatus"], "ON")
    refused("AccessDenied", 403, lambda: here.delete("x", VersionId=version))
    here.s3.put_object_legal_hold(Bucket=here.bucket, Key=here.key("x"), LegalHold={"Status": "OFF"})
    equal(here.s3.get_object_legal_hold(Bucket=here.bucket, Key=here.key("x"))["LegalHold"]["Status"], "OFF")
    here.delete("x", VersionId=version)


@locked
def lock_configuration_is_read(here):
    told = here.s3.get_object_lock_configuration(Bucket=GIVEN["locked"])
    equal(told["ObjectLockConfiguration"]["ObjectLockEnabled"], "Enabled")


@locked
def lock_retention_is_set_read_and_told_by_head(here):
    here.in_bucket("locked")
    version = here.put("x", b"abc")["VersionId"]
    wanted = {"Mode": "GOVERNANCE", "RetainUntilDate": until(1)}
    set_retention(here, "x", wanted)
    equal(retention_of(here, "x"), wanted)
    head = here.head("x")
    equal((head["ObjectLockMode"], head["ObjectLockRetainUntilDate"]), ("GOVERNANCE", wanted["RetainUntilDate"]))
    free(here, "x", version)


def at(here, name):
    return {"Bucket": here.bucket, "Key": here.key(name)}


def set_retention(here, name, retention, **more):
    return here.s3.put_object_retention(**at(here, name), Retention=retention, **more)


def retention_of(here, name, **more):
    return here.s3.get_object_retention(**at(here, name), **more)["Retention"]


def hold(here, name, status, **more):
    return here.s3.put_object_legal_hold(**at(here, name), LegalHold={"Status": status}, **more)


def free(here, name, version):
    here.delete(name, VersionId=version, BypassGovernanceRetention=True)


@locked
def lock_retention_is_of_a_version(here):
    here.in_bucket("locked")
    first, second = (here.put("x", body)["VersionId"] for body in (b"one", b"two"))
    wanted = {"Mode": "GOVERNANCE", "RetainUntilDate": until(1)}
    set_retention(here, "x", wanted, VersionId=first)
    equal(retention_of(here, "x", VersionId=first), wanted)
    here.delete("x", VersionId=second)
    refused("AccessDenied", 403, lambda: here.delete("x", VersionId=first))
    free(here, "x", first)


@locked
def lock_retention_is_lengthened(here):
    here.in_bucket("locked")
    version = here.put("x", b"abc")["VersionId"]
    set_retention(here, "x", {"Mode": "GOVERNANCE", "RetainUntilDate": until(1)})
    longer = {"Mode": "GOVERNANCE", "RetainUntilDate": until(3)}
    set_retention(here, "x", longer)
    equal(retention_of(here, "x"), longer)
    free(here, "x", version)


@locked
def lock_retention_that_was_never_set_is_refused(here):
    here.in_bucket("locked")
    here.put("x", b"abc")
    refused("NoSuchObjectLockConfiguration|ObjectLockConfigurationNotFoundError", 404, lambda: retention_of(here, "x"))


@locked
def lock_retention_of_an_unknown_mode_is_refused(here):
    here.in_bucket("locked")
    here.put("x", b"abc")
    for mode in ("governance", "abc"):
        refused("MalformedXML", 400, lambda: set_retention(here, "x", {"Mode": mode, "RetainUntilDate": until(1)}))


@locked
def lock_retention_until_a_time_gone_by_is_refused(here):
    here.in_bucket("locked")
    here.put("x", b"abc")
    past = {"Mode": "GOVERNANCE", "RetainUntilDate": until(-1)}
    refused("InvalidArgument|InvalidRequest", 400, lambda: set_retention(here, "x", past))


@locked
def lock_mode_is_made_stricter_by_bypass_only(here):
    here.in_bucket("locked")
    soon = (now() + datetime.timedelta(seconds=20)).replace(microsecond=0)
    here.put("x", b"abc", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=soon)
    strict = {"Mode": "COMPLIANCE", "RetainUntilDate": soon}
    refused("AccessDenied", 403, lambda: set_retention(here, "x", strict))
    set_retention(here, "x", strict, BypassGovernanceRetention=True)
    equal(retention_of(here, "x")["Mode"], "COMPLIANCE")


@locked
def lock_of_compliance_is_taken_away_by_nobody(here):
    here.in_bucket("locked")
    soon = (now() + datetime.timedelta(seconds=20)).replace(microsecond=0)
    version = here.put("x", b"abc", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=soon)["VersionId"]
    mild = {"Mode": "GOVERNANCE", "RetainUntilDate": soon}
    refused("AccessDenied", 403, lambda: set_retention(here, "x", mild))
    refused("AccessDenied", 403, lambda: set_retention(here, "x", mild, BypassGovernanceRetention=True))
    refused("AccessDenied", 403, lambda: free(here, "x", version))


@locked
def lock_holds_the_version_and_not_the_key(here):
    here.in_bucket("locked")
    version = here.put("x", b"abc", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until(1))["VersionId"]
    equal(here.delete("x")["DeleteMarker"], True)
    here.put("x", b"newer")
    equal(here.body("x", VersionId=version), b"abc")
    free(here, "x", version)


@locked
def lock_holds_against_deletes_of_many(here):
    here.in_bucket("locked")
    kept, other = (here.put(name, b"abc")["VersionId"] for name in ("kept", "other"))
    set_retention(here, "kept", {"Mode": "GOVERNANCE", "RetainUntilDate": until(1)})
    objects = [{"Key": here.key("kept"), "VersionId": kept}, {"Key": here.key("other"), "VersionId": other}]
    told = here.s3.delete_objects(Bucket=here.bucket, Delete={"Objects": objects})
    equal([(entry["Key"], entry["VersionId"]) for entry in told["Deleted"]], [(here.key("other"), other)])
    equal([(entry["Code"], entry["Key"], entry["VersionId"]) for entry in told["Errors"]], [("AccessDenied", here.key("kept"), kept)])
    told = here.s3.delete_objects(Bucket=here.bucket, Delete={"Objects": objects[:1]}, BypassGovernanceRetention=True)
    equal(([entry["VersionId"] for entry in told["Deleted"]], told.get("Errors", [])), ([kept], []))


@locked
def lock_comes_with_the_object(here):
    here.in_bucket("locked")
    date = until(1)
    version = here.put(
        "x", b"abc", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=date, ObjectLockLegalHoldStatus="ON"
    )["VersionId"]
    head = here.head("x")
    equal((head["ObjectLockMode"], head["ObjectLockRetainUntilDate"]), ("GOVERNANCE", date))
    equal(head["ObjectLockLegalHoldStatus"], "ON")
    hold(here, "x", "OFF")
    free(here, "x", version)


@locked
def lock_comes_with_an_upload_in_parts(here):
    here.in_bucket("locked")
    date = until(1)
    here.upload("x", [b"abc"], ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=date)
    equal(retention_of(here, "x"), {"Mode": "GOVERNANCE", "RetainUntilDate": date})
    free(here, "x", here.head("x")["VersionId"])


@locked
def lock_comes_with_a_copy(here):
    here.in_bucket("locked")
    here.put("x", b"abc")
    date = until(1)
    here.copy("x", "y", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=date)
    equal(retention_of(here, "y"), {"Mode": "GOVERNANCE", "RetainUntilDate": date})
    free(here, "y", here.head("y")["VersionId"])


@locked
def lock_of_a_mode_without_a_date_is_refused(here):
    here.in_bucket("locked")
    refused("InvalidArgument|InvalidRequest", 400, lambda: here.put("x", b"abc", ObjectLockMode="GOVERNANCE"))
    refused("NoSuchKey", 404, lambda: here.get("x"))


@locked
def lock_of_an_unknown_mode_at_a_write_is_refused(here):
    here.in_bucket("locked")
    call = lambda: here.put("x", b"abc", ObjectLockMode="abc", ObjectLockRetainUntilDate=until(1))
    refused("InvalidArgument|InvalidRequest|MalformedXML", 400, call)


@locked
def lock_date_is_told_as_a_date(here):
    here.in_bucket("locked")
    version = here.put("x", b"abc", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until(1))["VersionId"]
    told = here.head("x")["ResponseMetadata"]["HTTPHeaders"]["x-amz-object-lock-retain-until-date"]
    true(datetime.datetime.fromisoformat(re.sub(r"(\.\d+)?Z$", "+00:00", told)), told)
    free(here, "x", version)


@locked
def lock_legal_hold_of_an_unknown_status_is_refused(here):
    here.in_bucket("locked")
    here.put("x", b"abc")
    refused("MalformedXML", 400, lambda: hold(here, "x", "abc"))


@locked
def lock_legal_hold_is_read_on_and_off(here):
    here.in_bucket("locked")
    here.put("x", b"abc")
    for status in ("ON", "OFF"):
        hold(here, "x", status)
        equal(here.s3.get_object_legal_hold(**at(here, "x"))["LegalHold"], {"Status": status})


@locked
def lock_legal_hold_that_is_off_holds_nothing(here):
    here.in_bucket("locked")
    version = here.put("x", b"abc")["VersionId"]
    hold(here, "x", "OFF")
    equal(here.delete("x", VersionId=version)["ResponseMetadata"]["HTTPStatusCode"], 204)


@locked
def lock_legal_hold_is_no_matter_of_bypass(here):
    here.in_bucket("locked")
    version = here.put("x", b"abc", ObjectLockLegalHoldStatus="ON")["VersionId"]
    refused("AccessDenied", 403, lambda: free(here, "x", version))
    hold(here, "x", "OFF", VersionId=version)
    here.delete("x", VersionId=version)


@locked
def lock_in_a_bucket_without_locks_is_refused(here):
    here.put("x", b"abc")
    refused("InvalidRequest", 400, lambda: set_retention(here, "x", {"Mode": "GOVERNANCE", "RetainUntilDate": until(1)}))
    refused("InvalidRequest", 400, lambda: retention_of(here, "x"))


@locked
def lock_legal_hold_in_a_bucket_without_locks_is_refused(here):
    here.put("x", b"abc")
    refused("InvalidRequest", 400, lambda: hold(here, "x", "ON"))
    refused("InvalidRequest", 400, lambda: here.s3.get_object_legal_hold(**at(here, "x")))


@locked
def lock_at_a_write_in_a_bucket_without_locks_is_refused(here):
    call = lambda: here.put("x", b"abc", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until(1))
    refused("InvalidRequest", 400, call)


@locked
def lock_configuration_of_a_bucket_without_locks_is_missing(here):
    call = lambda: here.s3.get_object_lock_configuration(Bucket=here.bucket)
    refused("ObjectLockConfigurationNotFoundError", 404, call)


@locked
def lock_keeps_versioning_from_being_suspended(here):
    status = {"Status": "Suspended"}
    call = lambda: here.s3.put_bucket_versioning(Bucket=GIVEN["locked"], VersioningConfiguration=status)
    refused("InvalidBucketState", 409, call)
    equal(here.s3.get_bucket_versioning(Bucket=GIVEN["locked"])["Status"], "Enabled")


@locked
def lock_configuration_is_set(here):
    put = lambda **more: here.s3.put_object_lock_configuration(
        Bucket=GIVEN["locked"], ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", **more}
    )
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    put(Rule=rule)
    told = here.s3.get_object_lock_configuration(Bucket=GIVEN["locked"])["ObjectLockConfiguration"]
    put()
    equal(told, {"ObjectLockEnabled": "Enabled", "Rule": rule})
