"""Keys: each is written, read, listed, copied and deleted by its exact bytes."""
from .here import CHECKS, check, equal, refused


def key_check(label, name):
    def run(here):
        here.put(name, b"content")
        equal(here.body(name), b"content")
        equal(here.list(2)[0], [name])
        here.copy(name, "copy")
        equal(here.body("copy"), b"content")
        here.delete(name)
        equal(here.list(1)[0], ["copy"])

    run.__name__ = f"key_with_{label}"
    CHECKS.append(run)


for label, name in {
    "a_blank": "a b",
    "a_plus": "a+b",
    "a_percent_sign": "50%25 %",
    "a_question_mark": "a?b=c&d",
    "a_number_sign": "a#b",
    "quotes": "it's \"quoted\"",
    "brackets": "(a)[b]{c}<d>",
    "signs": "!*@:;,=$~^`|",
    "two_slashes": "a//b",
    "a_last_slash": "folder/",
    "dots": "a/../b/./c..",
    "letters_beyond_ascii": "üñïçødé/日本語",
    "an_emoji": "🙂",
    "a_backslash": "a\\b",
    "an_ampersand": "a&b&amp;c",
    "a_tab": "a\tb",
    "200_characters": "k" * 200,
    "one_blank": " ",
    "one_underscore": "_",
    "two_underscores": "__",
    "an_underscore_and_a_blank": "_ ",
    "a_first_underscore": "_object",
    "a_colon": ":",
    "a_dollar_sign": "$",
    "one_percent_sign": "%",
    "the_name_of_a_parameter": "?versionId",
    "a_parameter": "x?versionId=null",
    "a_first_slash": "/a",
    "slashes_only": "//",
    "a_line_break": "a\nb",
    "an_encoded_slash": "a%2Fb",
    "blanks_at_both_ends": " a ",
    "a_composed_and_a_decomposed_letter": "\u00e9 e\u0301",
    "a_control_character_beyond_ascii": "a\u0085b",
}.items():
    key_check(label, name)


@check
def key_of_1024_bytes(here):
    name = "k" * (1024 - len(here.prefix.encode()))
    here.put(name, b"x")
    equal(here.body(name), b"x")


@check
def key_of_1025_bytes_is_refused(here):
    refused("KeyTooLongError|KeyTooLong|InvalidArgument", 400, lambda: here.put("k" * (1025 - len(here.prefix.encode())), b"x"))
