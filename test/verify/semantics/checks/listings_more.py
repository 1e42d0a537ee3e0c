"""Listings of objects: corner cases, what is told back, and what cannot be printed."""
import urllib.parse

from .here import check, equal, refused, true, with_query
from .listings import of_both

START = {1: "Marker", 2: "StartAfter"}
LETTERS = ("bar", "baz", "cab", "foo")


def of_nothing(here, version):
    names, shared, page = here.list(version)
    equal((names, shared, page["IsTruncated"]), ([], [], False))
    equal(page.get("KeyCount", 0), 0)


of_both("of_nothing", of_nothing)


def a_thousand(here, version):
    here.fill(*LETTERS)
    names, _, page = here.list(version)
    equal((names, page["MaxKeys"], page["IsTruncated"]), (list(LETTERS), 1000, False))


of_both("is_of_a_thousand_keys_unless_asked", a_thousand)


def by_a_letter(here, version):
    here.fill(*LETTERS)
    names, shared, page = here.list(version, Delimiter="a")
    equal((names, shared, page["Delimiter"]), (["foo"], ["ba", "ca"], "a"))


of_both("groups_by_a_letter", by_a_letter)


def letter_below_prefix(here, version):
    here.fill("bar", "bazar", "cab", "foo")
    names, shared, page = here.list(version, Prefix="ba", Delimiter="a")
    equal((names, shared, page["Prefix"]), (["bar"], ["baza"], here.prefix + "ba"))


of_both("groups_by_a_letter_below_a_prefix", letter_below_prefix)


def line_break_delimiter(here, version):
    here.fill(*LETTERS)
    names, shared, page = here.list(version, Delimiter="\n")
    equal((names, shared, page["Delimiter"]), (list(LETTERS), [], "\n"))


of_both("takes_a_line_break_as_delimiter", line_break_delimiter)


def line_break_groups(here, version):
    here.fill("a\nb", "a\nc", "d")
    names, shared, _ = here.list(version, Delimiter="\n")
    equal((names, shared), (["d"], ["a\n"]))


of_both("groups_by_a_line_break", line_break_groups)


def empty_delimiter(here, version):
    here.fill("a/b", "c")
    names, shared, page = here.list(version, Delimiter="")
    equal((names, shared), (["a/b", "c"], []))
    true("Delimiter" not in page, "an empty delimiter is told")


of_both("takes_an_empty_delimiter_as_none", empty_delimiter)


def no_delimiter(here, version):
    here.fill("a/b")
    _, _, page = here.list(version)
    true("Delimiter" not in page, "a delimiter is told that was not asked for")


of_both("tells_no_delimiter_unless_asked", no_delimiter)


def unused_delimiter(here, version):
    here.fill(*LETTERS)
    names, shared, page = here.list(version, Delimiter="/")
    equal((names, shared, page["Delimiter"]), (list(LETTERS), [], "/"))


of_both("keeps_keys_without_the_delimiter", unused_delimiter)


def other_delimiter(here, version):
    here.fill("b/a/c", "b/a/g", "g")
    names, shared, _ = here.list(version, Prefix="b", Delimiter="z")
    equal((names, shared), (["b/a/c", "b/a/g"], []))


of_both("does_not_group_by_a_slash_where_another_delimiter_is_asked", other_delimiter)


def nothing_below(here, version):
    here.fill("b/a/c", "b/a/g", "g")
    for prefix, delimiter in (("/", "d"), ("y", "z"), ("d", None)):
        names, shared, page = here.list(version, Prefix=prefix, **({"Delimiter": delimiter} if delimiter else {}))
        equal((names, shared, page["Prefix"]), ([], [], here.prefix + prefix))


of_both("of_a_prefix_that_no_key_has", nothing_below)


def prefix_is_a_key(here, version):
    here.fill("asdf/")
    names, shared, page = here.list(version, Prefix="asdf/", Delimiter="/")
    equal((names, shared, page["IsTruncated"]), (["asdf/"], [], False))


of_both("of_a_prefix_that_is_a_key_and_ends_with_the_delimiter", prefix_is_a_key)


def prefix_of_letters(here, version):
    here.fill("bar", "baz", "foo")
    equal(here.list(version, Prefix="ba")[0], ["bar", "baz"])


of_both("keeps_to_a_prefix_that_ends_within_a_name", prefix_of_letters)


def unreadable_prefix(here, version):
    here.fill("foo/bar", "quux")
    names, shared, page = here.list(version, Prefix="\n")
    # The first version tells it encoded, as its reference says; Ceph tells it as it is; boto3 decodes neither.
    equal((names, shared, urllib.parse.unquote(page["Prefix"])), ([], [], here.prefix + "\n"))


of_both("takes_a_line_break_as_prefix", unreadable_prefix)


def pages_of(here, version, size, prefix=""):
    """What each page has, gone through by what each page says is next."""
    seen, more = [], {}
    for _ in range(12):
        names, shared, page = here.list(version, Prefix=prefix, Delimiter="/", MaxKeys=size, **more)
        seen.append(sorted(names + shared))
        if not page["IsTruncated"]:
            true("NextMarker" not in page and "NextContinuationToken" not in page, "the last page says what is next")
            return seen
        if version == 1:
            more = {"Marker": page["NextMarker"][len(here.prefix):]}
        else:
            more = {"ContinuationToken": page["NextContinuationToken"]}
    raise AssertionError("the pages have no end")


def underscores(here, version):
    here.fill("_obj1_", "_under1/bar", "_under1/baz/xyzzy", "_under2/thud", "_under2/bla")
    equal(pages_of(here, version, 1), [["_obj1_"], ["_under1/"], ["_under2/"]])
    equal(pages_of(here, version, 2), [["_obj1_", "_under1/"], ["_under2/"]])
    equal(pages_of(here, version, 1, "_under1/"), [["_under1/bar"], ["_under1/baz/"]])
    equal(pages_of(here, version, 2, "_under1/"), [["_under1/bar", "_under1/baz/"]])


of_both("groups_names_that_begin_with_an_underscore", underscores)


def grouped_pages(here, version):
    here.fill("asdf", "boo/bar", "boo/baz/xyzzy", "cquux/thud", "cquux/bla")
    equal(pages_of(here, version, 1), [["asdf"], ["boo/"], ["cquux/"]])
    equal(pages_of(here, version, 2), [["asdf", "boo/"], ["cquux/"]])
    equal(pages_of(here, version, 1, "boo/"), [["boo/bar"], ["boo/baz/"]])
    equal(pages_of(here, version, 2, "boo/"), [["boo/bar", "boo/baz/"]])


of_both("counts_a_group_as_one_entry_of_a_page", grouped_pages)


def behind_a_large_group(here, version):
    here.fill("0/", *(f"0/{number}" for number in range(100, 160)), "199", "199#", "199+", "200")
    names, shared, _ = here.list(version, Delimiter="/")
    equal((names, shared), (["199", "199#", "199+", "200"], ["0/"]))
    equal(pages_of(here, version, 2), [["0/", "199"], ["199#", "199+"], ["200"]])


of_both("skips_no_key_behind_a_large_group", behind_a_large_group)


def unreadable_start(here, version):
    here.fill(*LETTERS)
    names, _, page = here.list(version, **{START[version]: "\n"})
    equal((names, page[START[version]], page["IsTruncated"]), (list(LETTERS), here.prefix + "\n", False))


of_both("begins_after_a_line_break", unreadable_start)


def start_told(here, version):
    here.fill(*LETTERS)
    for start, left in (("bar", ["baz", "cab", "foo"]), ("blah", ["cab", "foo"]), ("zzz", [])):
        names, _, page = here.list(version, **{START[version]: start})
        equal((names, page[START[version]], page["IsTruncated"]), (left, here.prefix + start, False))


of_both("tells_where_it_begins", start_told)


def special_names(here, version):
    names = [" ", '"', "$", "%", "&", "'", "<", ">", "_", "_ ", "_ _", "__"]
    here.fill(*names)
    equal(here.list(version)[0], names)


of_both("of_names_that_are_one_sign", special_names)


def deleted(here, version):
    here.fill("a", "b")
    here.delete("a")
    equal(here.list(version)[0], ["b"])


of_both("does_not_show_what_was_deleted", deleted)


def as_head_says(here, version):
    here.fill("bar", "baz", "foo")
    _, _, page = here.list(version)
    for entry in page["Contents"]:
        head = here.head(entry["Key"][len(here.prefix):])
        equal((entry["ETag"], entry["Size"]), (head["ETag"], head["ContentLength"]))
        equal(entry["LastModified"].replace(microsecond=0), head["LastModified"])


of_both("says_what_head_says", as_head_says)


def encoded_exactly(here, version):
    here.fill("foo+1/bar", "quux ab/thud", "asdf+b")
    _, _, page = here.list(version, Delimiter="/", EncodingType="url")
    # Amazon leaves slashes as they are, Ceph does not; both mean the same.
    told = [entry["Key"].replace("%2F", "/") for entry in page["Contents"]]
    told += [entry["Prefix"].replace("%2F", "/") for entry in page["CommonPrefixes"]]
    equal(told, [here.prefix + name for name in ("asdf%2Bb", "foo%2B1/", "quux%20ab/")])


of_both("encodes_a_plus_and_a_blank", encoded_exactly)


def unordered(here, version):
    here.fill("ado", "bot", "abc/ink", "abc/jet", "xix")
    with_query(here, "ListObjectsV2" if version == 2 else "ListObjects", "allow-unordered=true")
    equal(sorted(here.list(version)[0]), ["abc/ink", "abc/jet", "ado", "bot", "xix"])
    equal(len(here.list(version, Prefix="abc/")[0]), 2)


of_both("may_be_asked_for_without_order", unordered, of_ceph=True)


def negative(here, version):
    with_query(here, "ListObjectsV2" if version == 2 else "ListObjects", "max-keys=-1")
    refused("InvalidArgument", 400, lambda: here.list(version))


of_both("refuses_a_negative_max_keys", negative)


@check
def list_v1_begins_at_an_empty_marker(here):
    here.fill("a", "b")
    page = here.s3.list_objects(Bucket=here.bucket, Prefix=here.prefix, Marker="")
    equal((page["Marker"], len(page["Contents"]), page["IsTruncated"]), ("", 2, False))


@check
def list_v1_tells_an_empty_marker_where_none_is_asked(here):
    equal(here.list(1)[2]["Marker"], "")


@check
def list_v2_begins_at_an_empty_start_after(here):
    here.fill("a", "b")
    page = here.s3.list_objects_v2(Bucket=here.bucket, Prefix=here.prefix, StartAfter="")
    equal((len(page["Contents"]), page["IsTruncated"]), (2, False))


@check
def list_v2_begins_at_an_empty_token(here):
    here.fill("a", "b")
    page = here.s3.list_objects_v2(Bucket=here.bucket, Prefix=here.prefix, ContinuationToken="")
    equal((page["ContinuationToken"], len(page["Contents"]), page["IsTruncated"]), ("", 2, False))


@check
def list_v2_goes_on_by_token_rather_than_start_after(here):
    here.fill("bar", "baz", "foo", "quxx")
    _, _, first = here.list(2, StartAfter="bar", MaxKeys=1)
    token = first["NextContinuationToken"]
    names, _, page = here.list(2, StartAfter="bar", ContinuationToken=token)
    equal((names, page["ContinuationToken"], page["IsTruncated"]), (["foo", "quxx"], token, False))
    equal(page["StartAfter"], here.prefix + "bar")


@check
def list_v2_goes_on_by_token_to_the_end(here):
    here.fill("bar", "baz", "foo", "quxx")
    token = here.list(2, MaxKeys=1)[2]["NextContinuationToken"]
    names, _, page = here.list(2, ContinuationToken=token)
    equal((names, page["IsTruncated"]), (["baz", "foo", "quxx"], False))


@check
def list_v2_counts_the_entries_of_a_page(here):
    here.fill("a", "b/1", "c", "d")
    equal(here.list(2, MaxKeys=2, Delimiter="/")[2]["KeyCount"], 2)
    equal(here.list(2)[2]["KeyCount"], 4)


@check
def list_v2_hides_the_owner_where_it_is_asked_to(here):
    here.fill("a")
    true("Owner" not in here.list(2, FetchOwner=False)[2]["Contents"][0], "tells the owner")


@check
def list_v1_says_the_owner_that_the_acl_says(here):
    here.fill("a")
    owner = here.s3.get_object_acl(Bucket=here.bucket, Key=here.key("a"))["Owner"]["ID"]
    equal(here.list(1)[2]["Contents"][0]["Owner"]["ID"], owner)


@check
def ceph_list_without_order_and_by_a_delimiter_is_refused(here):
    with_query(here, "ListObjects", "allow-unordered=true")
    refused("InvalidArgument", 400, lambda: here.list(1, Delimiter="/"))


@check
def list_by_the_paginator_of_boto3_has_every_key_once(here):
    names = [f"{number:03}" for number in range(25)]
    here.fill(*names)
    for operation in ("list_objects", "list_objects_v2"):
        pages = here.s3.get_paginator(operation).paginate(
            Bucket=here.bucket, Prefix=here.prefix, PaginationConfig={"PageSize": 4}
        )
        equal([entry["Key"] for page in pages for entry in page["Contents"]], [here.key(name) for name in names])
