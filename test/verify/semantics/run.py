"""What S3 does, as boto3 sees it: one function a property, run on any endpoint.

Told by one JSON argument: endpoint, ca (or null), region, mode (direct, encrypted or plain), prefix, the names of the
buckets (bucket, versioned, suspended, locked), only (a part of a check's name, or null), themes (names of files of checks,
or null), patience (seconds that an answer may take).
Keys come by the standard variables. Prints one JSON line a check: {"name", "ok", "error"}; the last line is "done". The
name of a check begins with "ceph_" where it is about what Ceph adds to S3 and Amazon S3 itself refuses.
"""
import json

from checks import (  # noqa: F401 (each brings its checks)
    access,
    atomic,
    buckets,
    checksums,
    conditions,
    copies,
    deletes,
    forms,
    forms_refused,
    keys,
    listings,
    listings_more,
    locks,
    objects,
    reads,
    tags,
    uploads,
    uploads_more,
    versions,
    versions_suspended,
)
from checks.here import CHECKS, GIVEN, Here

names = [function.__name__ for function in CHECKS]
twice = {name for name in names if names.count(name) > 1}
if twice:
    raise SystemExit(f"two checks of one name: {sorted(twice)}")

for function in CHECKS:
    name = function.__name__
    if GIVEN.get("only") and GIVEN["only"] not in name:
        continue
    if GIVEN.get("themes") and function.__module__.split(".")[-1] not in GIVEN["themes"]:
        continue
    error = None
    try:
        function(Here(name))
    except Exception as raised:  # each is one line of the result
        error = f"{type(raised).__name__}: {raised}"[:400]
    print(json.dumps({"name": name, "ok": error is None, "error": error}), flush=True)
print("done")
