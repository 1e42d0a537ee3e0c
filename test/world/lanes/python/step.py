"""What every program of this lane shares: the product's variables, bytes to send, its version, and a line per step."""

import os
import secrets
from importlib import metadata

endpoint = os.environ["WORLD_ENDPOINT"]
bucket = os.environ["WORLD_BUCKET"]
prefix = os.environ["WORLD_PREFIX"]
ca_file = os.environ["WORLD_CA_FILE"]

SIZES = (0, 1, 5 * 1024 * 1024 + 1)
LARGE_BYTES = 20_000_003
PART_BYTES = 5 * 1024 * 1024
# Names that clients and servers like to spell differently.
ODD_KEYS = ("a b+c", "ü", "a//b", "photo (1).jpg", "it's", "x=1/y", "a:b@c", "a!b*c.txt", "100%", "q?x#y&z")

small = secrets.token_bytes(1000)
large = secrets.token_bytes(LARGE_BYTES)


def version(name, *others):
    """Says the version of its package, and of others that matter."""
    print("version", ", ".join([metadata.version(name), *(f"{other} {metadata.version(other)}" for other in others)]), flush=True)


def step(name):
    """Runs what it decorates, at once, and says how it went."""

    def run(do):
        try:
            do()
            print(f"ok {name}", flush=True)
        except Exception as error:
            text = " ".join(f"{type(error).__name__} {error}".split())
            print(f"FAIL {name}: {text[:400]}", flush=True)

    return run


def same(seen, wanted):
    seen = bytes(seen)
    assert seen == wanted, f"{len(seen)} bytes came back of {len(wanted)}, or others"


def equal(seen, wanted):
    assert seen == wanted, f"{seen!r} came back, not {wanted!r}"


def refused(codes, do):
    """Passes when it raises an error whose text or class names one of these."""
    try:
        do()
    except Exception as error:
        if any(code in f"{type(error).__name__} {error} {getattr(error, 'response', '')}" for code in codes):
            return
        raise
    raise AssertionError(f"was not refused with {codes[0]}")
