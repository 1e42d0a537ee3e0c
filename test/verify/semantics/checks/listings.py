"""Listings of objects: order, pages, prefixes and delimiters."""
import urllib.parse

from .here import CHECKS, DIRECT, check, equal, now, refused, true, with_query


def of_both(name, run, of_ceph=False):
    """The same property of ListObjects and ListObjectsV2."""
    for version in (1, 2):
        function = lambda here, version=version: run(here, version)
        function.__name__ = f"{'ceph_' if of_ceph else ''}list_v{version}_{name}"
        CHECKS.append(function)


def listing_order(here, version):
    here.fill("b", "a", "c/d", "A", "~", "ä", "a b")
    names, _, page = here.list(version)
    equal(names, ["A", "a", "a b", "b", "c/d", "~", "ä"])
    equal(page["IsTruncated"], False)


of_both("is_in_order_of_bytes", listing_order)


def listing_fields(here, version):
    told = here.put("x", b"hello")
    _, _, page = here.list(version)
    entry = page["Contents"][0]
    equal(entry["Size"], 5)
    equal(entry["ETag"], told["ETag"])
    equal(entry["ETag"], here.head("x")["ETag"])
    equal(entry["StorageClass"], "STANDARD")
    true(abs((now() - entry["LastModified"]).total_seconds()) < 600, "LastModified is not now")


of_both("says_size_etag_class_and_time", listing_fields)


def listing_pages(here, version):
    names = [f"k{number:02}" for number in range(11)]
    here.fill(*names)
    seen, more = [], {}
    for _ in range(10):
        page_names, _, page = here.list(version, MaxKeys=3, **more)
        seen += page_names
        if not page["IsTruncated"]:
            break
        true(len(page_names) == 3, "a page before the last is not full")
        more = {"Marker": page_names[-1]} if version == 1 else {"ContinuationToken": page["NextContinuationToken"]}
    equal(seen, names)


of_both("goes_on_page_by_page", listing_pages)


def listing_one(here, version):
    here.fill("a", "b")
    names, _, page = here.list(version, MaxKeys=1)
    equal((names, page["IsTruncated"], page["MaxKeys"]), (["a"], True, 1))


of_both("of_one_key", listing_one)


def listing_zero(here, version):
    here.fill("a")
    names, _, page = here.list(version, MaxKeys=0)
    equal((names, page["IsTruncated"]), ([], False))


of_both("of_no_key", listing_zero)


def listing_invalid_max(here, version):
    with_query(here, "ListObjectsV2" if version == 2 else "ListObjects", "max-keys=blah")
    refused("InvalidArgument", 400, lambda: here.list(version))


of_both("refuses_a_max_keys_that_is_no_number", listing_invalid_max)


def listing_delimiter(here, version):
    here.fill("asdf", "boo/bar", "boo/baz/xyzzy", "cquux/thud", "cquux/bla")
    names, shared, page = here.list(version, Delimiter="/")
    equal((names, shared, page["Delimiter"]), (["asdf"], ["boo/", "cquux/"], "/"))
    names, shared, _ = here.list(version, Prefix="boo/", Delimiter="/")
    equal((names, shared), (["boo/bar"], ["boo/baz/"]))
    names, shared, _ = here.list(version, Prefix="bo", Delimiter="/")
    equal((names, shared), ([], ["boo/"]))


of_both("groups_by_a_delimiter", listing_delimiter)


def listing_delimiter_pages(here, version):
    here.fill("a/1", "a/2", "b", "c/1", "d")
    seen, more = [], {}
    for _ in range(8):
        names, shared, page = here.list(version, Delimiter="/", MaxKeys=1, **more)
        seen += names + shared
        if not page["IsTruncated"]:
            break
        if version == 1:
            more = {"Marker": page["NextMarker"][len(here.prefix):]}
        else:
            more = {"ContinuationToken": page["NextContinuationToken"]}
    equal(seen, ["a/", "b", "c/", "d"])


of_both("groups_by_a_delimiter_page_by_page", listing_delimiter_pages)


def delimiter_kinds(character, label):
    def run(here, version):
        here.fill(f"b{character}ar", f"b{character}az", f"c{character}ab", "foo")
        names, shared, page = here.list(version, Delimiter=character)
        equal((names, shared), (["foo"], [f"b{character}", f"c{character}"]))
        equal(page["Delimiter"], character)

    of_both(f"groups_by_{label}", run)


delimiter_kinds("%", "a_percent_sign")
delimiter_kinds(" ", "a_blank")
delimiter_kinds(".", "a_dot")
delimiter_kinds("ü", "a_letter_beyond_ascii")
delimiter_kinds("//", "two_slashes")


def listing_prefix(here, version):
    here.fill("foo/bar", "foo/baz", "quux", "foo")
    names, shared, page = here.list(version, Prefix="foo/")
    equal((names, shared), (["foo/bar", "foo/baz"], []))
    equal(page["Prefix"], here.prefix + "foo/")
    equal(here.list(version, Prefix="nothing")[0], [])


of_both("keeps_to_a_prefix", listing_prefix)


def listing_encoded(here, version):
    here.fill("foo+1/bar", "foo/bar/xyzzy", "quux ab/thud", "asdf+b", "50%/x")
    names, shared, page = here.list(version, Delimiter="/", EncodingType="url")
    equal(page["EncodingType"], "url")
    plain = lambda text: urllib.parse.unquote(text)
    keys = [plain(entry["Key"])[len(here.prefix):] for entry in page["Contents"]]
    groups = [plain(entry["Prefix"])[len(here.prefix):] for entry in page["CommonPrefixes"]]
    equal((keys, groups), (["asdf+b"], ["50%/", "foo+1/", "foo/", "quux ab/"]))


of_both("encodes_keys_where_it_is_asked_to", listing_encoded)


def listing_after(here, version):
    here.fill("bar", "baz", "foo", "quxx")
    asked = {"Marker": "baz"} if version == 1 else {"StartAfter": "baz"}
    equal(here.list(version, **asked)[0], ["foo", "quxx"])
    asked = {"Marker": "blah"} if version == 1 else {"StartAfter": "blah"}
    equal(here.list(version, **asked)[0], ["foo", "quxx"])
    asked = {"Marker": "zzz"} if version == 1 else {"StartAfter": "zzz"}
    equal(here.list(version, **asked)[0], [])


of_both("begins_after_a_key_that_need_not_be_there", listing_after)


@check
def list_v2_counts_keys_and_common_prefixes(here):
    here.fill("a", "b/1", "b/2", "c")
    _, _, page = here.list(2, Delimiter="/")
    equal(page["KeyCount"], 3)


@check
def list_v2_tells_the_owner_where_it_is_asked_to(here):
    here.fill("a")
    _, _, page = here.list(2, FetchOwner=True)
    true("Owner" in page["Contents"][0], "no Owner")
    true("Owner" not in here.list(2)[2]["Contents"][0], "Owner without being asked")


@check
def list_v1_tells_the_owner(here):
    here.fill("a")
    true("Owner" in here.list(1)[2]["Contents"][0], "no Owner")


@check
def list_v2_continues_by_token_and_tells_it_back(here):
    here.fill("a", "b", "c")
    _, _, page = here.list(2, MaxKeys=1)
    names, _, second = here.list(2, MaxKeys=1, ContinuationToken=page["NextContinuationToken"])
    equal(names, ["b"])
    equal(second["ContinuationToken"], page["NextContinuationToken"])


@check
def list_of_a_missing_bucket_is_refused(here):
    refused("NoSuchBucket|AccessDenied", 404 if DIRECT else 403, lambda: here.s3.list_objects_v2(Bucket="not-there-at-all"))
