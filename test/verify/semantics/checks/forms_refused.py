"""Forms that are refused: nothing of them is stored."""
from .forms import BOUNDARY, later, named, post, signed, usual
from .here import CHECKS, check, equal, fetch, refused, true, url_of


def refusal(label, status, fields_of, file=b"bar"):
    def run(here):
        told = post(here, fields_of(here), file)
        equal((told.status, b"" if told.status == status else told.body[:200]), (status, b""))
        refused("NoSuchKey", 404, lambda: here.get("foo.txt"))

    run.__name__ = f"form_{label}_is_refused"
    CHECKS.append(run)


def of_document(here, **document):
    return {**named(here), **signed(document=document)}


def without(fields, name):
    return {field: value for field, value in fields.items() if field != name}


def with_conditions(*more, **changed):
    return lambda here: {**named(here), **signed(usual(here, *more, **changed))}


refusal(
    "of_a_wrong_signature",
    403,
    lambda here: {**named(here), **signed(usual(here), spoil={"x-amz-signature": "0" * 64})},
)
refusal(
    "of_an_unknown_key",
    403,
    lambda here: {
        **named(here),
        **(lambda fields: {**fields, "x-amz-credential": "UNKNOWN0" + fields["x-amz-credential"]})(signed(usual(here))),
    },
)
refusal("of_a_policy_that_was_changed", 403, lambda here: changed_policy(here))
refusal("without_a_signature", 400, lambda here: without({**named(here), **signed(usual(here))}, "x-amz-signature"))
refusal("without_a_key", 400, lambda here: without({**named(here), **signed(usual(here, key=None))}, "key"))
refusal("that_has_expired", 403, lambda here: of_document(here, expiration=later(-6000), conditions=usual(here)))
refusal(
    "of_an_expiration_that_is_none", 400, lambda here: of_document(here, expiration="2030-01-02 03:04:05+00:00", conditions=usual(here))
)
refusal("without_an_expiration", 400, lambda here: of_document(here, conditions=usual(here)))
refusal("without_conditions", 400, lambda here: of_document(here, expiration=later()))
refusal("of_an_expiration_in_capitals", 400, lambda here: of_document(here, EXPIRATION=later(), conditions=usual(here)))
refusal("of_conditions_in_capitals", 400, lambda here: of_document(here, expiration=later(), CONDITIONS=usual(here)))
refusal("of_a_condition_that_is_empty", 400, lambda here: of_document(here, expiration=later(), conditions=[{}]))
refusal(
    "of_a_field_that_no_condition_covers", 403, lambda here: {**named(here, **{"x-amz-meta-foo": "bar"}), **signed(usual(here))}
)
refusal("without_a_condition_on_the_bucket", 403, lambda here: {**named(here), **signed(usual(here)[1:])})
refusal("without_a_field_that_a_condition_names", 403, with_conditions(["starts-with", "$x-amz-meta-foo", "bar"]))
refusal(
    "of_a_field_that_differs_from_its_condition",
    403,
    lambda here: {**named(here, **{"x-amz-meta-foo": "barclamp"}), **signed(usual(here, ["eq", "$x-amz-meta-foo", ""]))},
)
refusal("of_a_key_that_does_not_begin_so", 403, with_conditions(key="bar"))
refusal("of_a_type_that_does_not_begin_so", 403, with_conditions(type_="image/"))
refusal("of_another_bucket", 403, lambda here: {**named(here), **signed([{"bucket": "other"}, *usual(here)[1:]])})
refusal("of_a_file_that_is_too_large", 400, with_conditions(size=(0, 0)))
refusal("of_a_large_file_that_is_too_large", 400, with_conditions(size=(0, 100_000)), b"x" * 100_001)
refusal("of_a_file_that_is_too_small", 400, with_conditions(size=(512, 1000)))
refusal("of_a_range_without_an_end", 400, with_conditions(size=(0,)))
refusal("of_a_range_below_zero", 400, with_conditions(size=(-1, 0)))
refusal("of_an_operator_that_is_none", 400, with_conditions(["ends-with", "$key", "txt"]))


def changed_policy(here):
    """The policy of another form, under the signature of the first."""
    wider = signed(usual(here, key=""))
    return {**named(here), **signed(usual(here)), "policy": wider["policy"]}


@check
def form_without_a_file_is_refused(here):
    fields = {**named(here), **signed(usual(here))}
    parts = [f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()]
    body = ("".join(parts) + f"--{BOUNDARY}--\r\n").encode()
    told = fetch("POST", url_of(here.bucket), body, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})
    equal(told.status, 400)
    refused("NoSuchKey", 404, lambda: here.get("foo.txt"))


@check
def form_without_credentials_is_refused(here):
    # Amazon says 403; the gateway 401, with where to get a token.
    true(post(here, named(here)).status in (401, 403), "was taken")
    refused("NoSuchKey", 404, lambda: here.get("foo.txt"))
