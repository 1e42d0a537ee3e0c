#!/usr/bin/env python3
"""Decrypts one stored object of Sallyport, without Sallyport.

An independent reading of docs/spec/object-format.md, written for people who must get at their data when nothing else is
left. Needs Python 3.9 and the package `cryptography`. Reads objects of one PUT and of multipart uploads.

Example: fetch the stored body and its metadata with any S3 client, then

  aws s3api get-object --bucket store-reports --key 2026/q3.csv stored.bin
    ... "Metadata": { "sallyport": "1;1;s;1;CKYDJ..." }
  python3 tools/decrypt.py --body stored.bin --envelope '1;1;s;1;CKYDJ...' \\
      --bucket-id reports --key 2026/q3.csv --seed-file kek-1.seed --out q3.csv

The output file appears only if every byte of it is authentic; otherwise one line on standard error, and exit status 1.
"""
import argparse
import base64
import hashlib
import hmac
import os
import re
import struct
import sys
import tempfile
import zlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap_with_padding

S = 65536
CELL = S + 28
F = 160
MIN = 5 * 1024 * 1024
SINGLE, ORDINARY, FINAL = 0, 1, 2  # roles of parts
TRAILER_SINGLE, TRAILER_FINAL, TRAILER_LAYOUT = 1, 2, 3
ENVELOPE = re.compile(r"1;1;([sm]);([1-9][0-9]{0,9});([A-Za-z0-9_-]{32,342})(?:;([a-z0-9][a-z0-9-]{0,31}))?")
# Those that the standard library has; CRC32C (2) and CRC64NVME (3) are left to GCM.
CHECKSUMS = {
    1: ("CRC32", 4),
    4: ("SHA1", 20),
    5: ("SHA256", 32),
    6: ("MD5", 16),
}


class NotAuthentic(Exception):
    """The object, its envelope or its place is not what was sealed."""


# --- keys ---


def hkdf(key, salt, info, length):
    """HKDF-SHA256, RFC 5869."""
    prk = hmac.digest(salt or bytes(32), key, "sha256")
    out, block = b"", b""
    for counter in range(1, -(-length // 32) + 1):
        block = hmac.digest(prk, block + info + bytes([counter]), "sha256")
        out += block
    return out[:length]


def lp(data):
    return struct.pack(">I", len(data)) + data


def context_of(bucket_id, key, kind):
    fields = ("sallyport/1", bucket_id, key, kind)
    return hashlib.sha256(b"".join(lp(field.encode("utf-8")) for field in fields)).digest()


def kek_from_seed(seed, version):
    return hkdf(seed, None, b"sallyport/1/kek-seed" + struct.pack(">I", version), 32)


def wrapping_key(kek, context):
    return hkdf(kek, None, b"sallyport/1/kek" + context, 32)


def unwrap(kek, context, wrapped):
    try:
        data_key = aes_key_unwrap_with_padding(wrapping_key(kek, context), wrapped)
    except (InvalidUnwrap, ValueError):
        raise NotAuthentic("the data key does not unwrap: another seed, bucket id or key, or an altered envelope") from None
    if len(wrapped) != 40 or len(data_key) != 32:
        raise NotAuthentic("the wrapped data key has the wrong length")
    return data_key


def parse_envelope(text):
    fields = ENVELOPE.fullmatch(text)
    if not fields:
        raise NotAuthentic("the envelope is malformed, or of another format")
    kind, version, wrapped, keyring = fields.groups()
    raw = base64.urlsafe_b64decode(wrapped + "=" * (-len(wrapped) % 4))
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != wrapped or int(version) > 0xFFFFFFFF:
        raise NotAuthentic("the envelope is malformed")
    if keyring not in (None, "local"):
        raise NotAuthentic(f"the data key was wrapped by the keyring {keyring}, not from a seed")
    return kind, int(version), raw


# --- sizes ---


def f(plain):
    return plain + 28 * -(-plain // S) + F


def f_inverse(stored):
    k, r = divmod(stored - F, CELL)
    if stored < F or 1 <= r <= 28:
        return None
    return k * S + (r - 28 if r else 0)


def g(plain):
    return plain + 28 * (plain // S)


def g_inverse(stored):
    k, r = divmod(stored, CELL)
    return k * S + r if r < S else None


def has_layout_mark(stored):
    return stored >= F and (stored - F) % CELL == 1


# --- segments and trailers ---


def gcm_open(key, nonce, sealed, what):
    try:
        return AESGCM(key).decrypt(nonce, sealed, None)
    except InvalidTag:
        raise NotAuthentic(f"{what} is not authentic") from None


def segment_key(data_key, salt, role, number, plain_size):
    info = b"sallyport/1/seg\0" + struct.pack(">BBHIQ", 1, role, number, S, plain_size)
    return hkdf(data_key, salt, info, 32)


def segment_nonce(index, is_last):
    return struct.pack(">7xBI", is_last, index)


def segment_sizes(role, plain_size):
    """Plaintext sizes of a part's segments."""
    if role == ORDINARY:
        count = plain_size // S
        return [S] * (count - 1) + [plain_size - S * (count - 1)]
    count = -(-plain_size // S)
    return [S] * (count - 1) + [plain_size - S * (count - 1)] if count else []


def open_part(body, data_key, offset, role, number, plain_size):
    """Gives the authenticated plaintext of one part, segment by segment."""
    body.seek(offset)
    key = salt = None
    sizes = segment_sizes(role, plain_size)
    for index, size in enumerate(sizes):
        cell = body.read(size + 28)
        if key is None:
            salt = cell[:12]
            key = segment_key(data_key, salt, role, number, plain_size)
        what = f"segment {index} of part {number}" if number else f"segment {index}"
        if len(cell) != size + 28 or cell[:12] != salt:
            raise NotAuthentic(f"{what} is not authentic")
        yield gcm_open(key, segment_nonce(index, index == len(sizes) - 1), cell[12:], what)


class Trailer:
    """The authenticated fields of a trailer; `runs` gives (first number, count, plaintext size)."""

    def __init__(self, data_key, body, end):
        raw = read_at(body, end - F, F)
        keys = hkdf(data_key, raw[:12], b"sallyport/1/trailer", 64)
        if not hmac.compare_digest(keys[32:], raw[12:44]):
            raise NotAuthentic("the trailer is not of this data key")
        fields = gcm_open(keys[:32], bytes(12), raw[44:], "the trailer")
        version, self.kind, self.number, self.plain_size, self.stored_size = struct.unpack(">BBHQQ", fields[:20])
        self.checksum_type, length = fields[20], fields[21]
        self.checksum = fields[22 : 22 + length]
        self.extension_size, run_count = struct.unpack(">IH", fields[54:60])
        if version != 1 or self.kind not in (1, 2, 3) or length > 32:
            raise NotAuthentic("the trailer is malformed")
        runs, padding = fields[60 : 60 + 10 * run_count], fields[60 + 10 * run_count :]
        if run_count > 4:
            if self.extension_size != 10 * run_count + 16:
                raise NotAuthentic("the trailer is malformed")
            sealed = read_at(body, end - F - self.extension_size, self.extension_size)
            runs, padding = gcm_open(keys[:32], struct.pack(">8xI", 1), sealed, "the list of parts"), fields[60:]
        elif self.extension_size:
            raise NotAuthentic("the trailer is malformed")
        self.runs = [struct.unpack(">HH", runs[i : i + 4]) + (int.from_bytes(runs[i + 4 : i + 10], "big"),) for i in range(0, len(runs), 10)]
        if any(padding) or (self.kind == TRAILER_LAYOUT) != bool(self.runs):
            raise NotAuthentic("the trailer is malformed")

    def parts(self):
        """The (number, plaintext size) of every part, ascending."""
        parts = [(first + i, size) for first, count, size in self.runs for i in range(count)]
        numbers = [number for number, _ in parts]
        ascending = all(a < b for a, b in zip([0] + numbers, numbers))
        maximal = all((a[0] + a[1], a[2]) != (b[0], b[2]) for a, b in zip(self.runs, self.runs[1:]))
        if not (ascending and maximal) or numbers[-1] != self.number or sum(size for _, size in parts) != self.plain_size:
            raise NotAuthentic("the list of parts is malformed")
        return parts


def read_at(body, offset, size):
    if offset < 0:
        raise NotAuthentic("the object is too short")
    body.seek(offset)
    data = body.read(size)
    if len(data) != size:
        raise NotAuthentic("the object is too short")
    return data


# --- layouts: which part stands where ---


def single_layout(body, size, data_key):
    plain_size = f_inverse(size)
    if plain_size is None:
        raise NotAuthentic(f"no object has a stored size of {size} bytes")
    trailer = Trailer(data_key, body, size)
    if (trailer.kind, trailer.number, trailer.plain_size, trailer.stored_size) != (TRAILER_SINGLE, 0, plain_size, size):
        raise NotAuthentic("the trailer is of another object")
    return [(0, SINGLE, 0, plain_size)], trailer


def multipart_layout(body, size, data_key):
    trailer = Trailer(data_key, body, size)
    if trailer.kind == TRAILER_LAYOUT:
        layout, end = ordinary_parts(trailer.parts())
        if trailer.stored_size != size or end + trailer.extension_size + F > size:
            raise NotAuthentic("the layout is of another object")
        return layout, trailer
    if trailer.kind != TRAILER_FINAL:
        raise NotAuthentic("the trailer is of another kind of object")
    number, plain_size = trailer.number, trailer.plain_size
    start = size - f(plain_size)
    if has_layout_mark(size):
        try:
            return inserted_layout(body, size, data_key, start, number, plain_size)
        except NotAuthentic:
            if number < 10000:
                raise
    if number == 1:
        if start != 0:
            raise NotAuthentic("no layout of parts fits the stored size")
        return [(0, FINAL, 1, plain_size)], None
    each, rest = divmod(start, number - 1)
    length = g_inverse(each)
    if start <= 0 or rest or length is None or length < MIN:
        raise NotAuthentic("no layout of parts fits the stored size")
    if number < 10000 and size != f((number - 1) * length + plain_size):
        raise NotAuthentic("no layout of parts fits the stored size")
    layout, end = ordinary_parts([(n, length) for n in range(1, number)])
    return layout + [(end, FINAL, number, plain_size)], None


def inserted_layout(body, size, data_key, start, number, plain_size):
    """A layout part stands right before the final part."""
    trailer = Trailer(data_key, body, start)
    if (trailer.kind, trailer.number, trailer.stored_size) != (TRAILER_LAYOUT, number, size):
        raise NotAuthentic("the layout is of another object")
    *before, last = trailer.parts()
    layout, end = ordinary_parts(before)
    if last != (number, plain_size) or end + trailer.extension_size + F > start:
        raise NotAuthentic("the layout is of another object")
    return layout + [(start, FINAL, number, plain_size)], trailer


def ordinary_parts(parts):
    layout, offset = [], 0
    for number, plain_size in parts:
        if plain_size < MIN:
            raise NotAuthentic("an ordinary part is shorter than a part can be")
        layout.append((offset, ORDINARY, number, plain_size))
        offset += g(plain_size)
    return layout, offset


# --- the whole object ---


def decrypt(body, data_key, kind):
    """Gives the plaintext of an open file in pieces. The last check may fail after the last piece."""
    size = body.seek(0, os.SEEK_END)
    layout, trailer = (single_layout if kind == "s" else multipart_layout)(body, size, data_key)
    name, length = CHECKSUMS.get(trailer.checksum_type if trailer else 0, (None, 0))
    crc, digest = 0, hashlib.new(name) if name in ("SHA1", "SHA256", "MD5") else None
    for part in layout:
        for piece in open_part(body, data_key, *part):
            if digest:
                digest.update(piece)
            elif name:
                crc = zlib.crc32(piece, crc)
            yield piece
    if name and trailer.checksum != (digest.digest() if digest else crc.to_bytes(length, "big")):
        raise NotAuthentic(f"the plaintext does not have the {name} that its writer stored")


def read_seed(path):
    """A text loses its final line ends, other bytes are taken as they are."""
    with open(path, "rb") as file:
        seed = file.read()
    return seed.rstrip(b"\r\n") if re.fullmatch(rb"[\t\r\n\x20-\x7e]*", seed) else seed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--body", required=True, help="file with the whole stored body")
    parser.add_argument("--envelope", required=True, help="value of the metadata header x-amz-meta-sallyport")
    parser.add_argument("--bucket-id", required=True, help="id that the configuration gives the bucket (default: its name)")
    parser.add_argument("--key", required=True, help="the object's key")
    parser.add_argument("--seed-file", required=True, help="file with the seed of the envelope's KEK version")
    parser.add_argument("--seed-version", type=int, help="refuse an envelope of another KEK version than this")
    parser.add_argument("--out", required=True, help="file to write; replaced only on success")
    options = parser.parse_args()
    temporary = None
    try:
        kind, version, wrapped = parse_envelope(options.envelope)
        if options.seed_version not in (None, version):
            raise NotAuthentic(f"the envelope needs the seed of KEK version {version}")
        kek = kek_from_seed(read_seed(options.seed_file), version)
        data_key = unwrap(kek, context_of(options.bucket_id, options.key, kind), wrapped)
        with open(options.body, "rb") as body, tempfile.NamedTemporaryFile(
            dir=os.path.dirname(os.path.abspath(options.out)), delete=False
        ) as out:
            temporary = out.name
            for piece in decrypt(body, data_key, kind):
                out.write(piece)
        os.replace(temporary, options.out)
        temporary = None
    except (NotAuthentic, OSError) as error:
        sys.exit(f"decrypt.py: {error}")
    finally:
        if temporary is not None:
            os.unlink(temporary)


if __name__ == "__main__":
    main()
