#!/usr/bin/env python3
"""Makes the vectors of docs/spec/object-format.md, by the Python reference and not by the product.

  make_vectors.py               writes single.json, multipart.json, sizes.json, kek.json and upload.json beside itself
  make_vectors.py --check       exits 1 where one of these files differs from what it would write
  make_vectors.py --body NAME FILE
                                writes the stored body of one multipart vector, which is too large to keep

Plaintexts are the first bytes of 00 01 02 .. fa 00 01 .. (byte i is i mod 251).
construction.json is older than this script and kept by hand: it holds both to the first prototype.
"""
import base64
import hashlib
import json
import pathlib
import struct
import sys
import zlib

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "tools"))
sys.dont_write_bytecode = True
import decrypt as d  # noqa: E402
from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: E402
from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding  # noqa: E402

SEED = b"a seed for test vectors, never for data"
VERSION = 7
BUCKET_ID = "vectors"
KEY = "löschen/a b+c%2F/../日本.bin"
ALGORITHMS = {"CRC32": 1, "CRC32C": 2, "CRC64NVME": 3, "SHA1": 4, "SHA256": 5}


def pattern(size):
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def derived(label, size=12):
    """Stands in for random bytes."""
    return hashlib.sha256(b"vector " + label.encode()).digest()[:size]


def seal_part(data_key, salt, role, number, plain):
    key = AESGCM(d.segment_key(data_key, salt, role, number, len(plain)))
    sizes = d.segment_sizes(role, len(plain))
    out, at = [], 0
    for index, size in enumerate(sizes):
        out += [salt, key.encrypt(d.segment_nonce(index, index == len(sizes) - 1), plain[at : at + size], None)]
        at += size
    return b"".join(out)


def seal_trailer(data_key, salt, kind, number, plain_size, stored_size, checksum=(0, b""), runs=()):
    """Gives the sealed run list (empty where the runs fit into the trailer) and the trailer."""
    keys = d.hkdf(data_key, salt, b"sallyport/1/trailer", 64)
    packed = b"".join(struct.pack(">HH", first, count) + size.to_bytes(6, "big") for first, count, size in runs)
    extension = AESGCM(keys[:32]).encrypt(struct.pack(">8xI", 1), packed, None) if len(runs) > 4 else b""
    kind_type, value = checksum
    fields = struct.pack(">BBHQQBB32sIH", 1, kind, number, plain_size, stored_size, kind_type, len(value), value, len(extension), len(runs))
    fields += (b"" if extension else packed).ljust(40, b"\0")
    return extension, salt + keys[32:] + AESGCM(keys[:32]).encrypt(bytes(12), fields, None)


def envelope(data_key, kind):
    context = d.context_of(BUCKET_ID, KEY, kind)
    wrapped = aes_key_wrap_with_padding(d.wrapping_key(d.kek_from_seed(SEED, VERSION), context), data_key)
    text = base64.urlsafe_b64encode(wrapped).rstrip(b"=").decode()
    return {"context": context.hex(), "wrapped": wrapped.hex(), "envelope": f"1;1;{kind};{VERSION};{text}"}


def place():
    return {"seed": SEED.hex(), "kekVersion": VERSION, "bucketId": BUCKET_ID, "key": KEY}


def single(name, size, checksum=None):
    data_key = derived(name + " data key", 32)
    salts = derived(name + " salts", 24)
    plain = pattern(size)
    kept = (ALGORITHMS[checksum[0]], checksum[1]) if checksum else (0, b"")
    stored = seal_part(data_key, salts[:12], d.SINGLE, 0, plain)
    stored += seal_trailer(data_key, salts[12:], d.TRAILER_SINGLE, 0, size, d.f(size), kept)[1]
    return {
        "name": name,
        **place(),
        "dataKey": data_key.hex(),
        "salts": salts.hex(),
        "plainSize": size,
        "checksum": {"algorithm": checksum[0], "value": checksum[1].hex()} if checksum else None,
        **envelope(data_key, "s"),
        "segmentKey": d.segment_key(data_key, salts[:12], d.SINGLE, 0, size).hex() if size else None,
        "storedSize": len(stored),
        "storedSha256": hashlib.sha256(stored).hexdigest(),
        "stored": stored.hex() if len(stored) < 512 else None,
        "trailer": stored[-160:].hex(),
    }


def singles():
    S = d.S
    vectors = [single(f"{size} bytes", size) for size in (0, 1, S - 1, S, S + 1, 2 * S - 1, 2 * S, 2 * S + 1)]
    plain = pattern(300)
    checksums = {
        "CRC32": zlib.crc32(plain).to_bytes(4, "big"),
        "CRC32C": crc(plain, 0x82F63B78, 32),
        "CRC64NVME": crc(plain, 0x9A6C9329AC4BC9B5, 64),
        "SHA1": hashlib.sha1(plain).digest(),
        "SHA256": hashlib.sha256(plain).digest(),
    }
    return vectors + [single(f"300 bytes with {name}", 300, (name, value)) for name, value in checksums.items()]


def crc(data, reflected_polynomial, bits):
    """A reflected CRC, initial value and final XOR all ones."""
    value = (1 << bits) - 1
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (reflected_polynomial if value & 1 else 0)
    return (value ^ ((1 << bits) - 1)).to_bytes(bits // 8, "big")


MULTIPART = {
    "one small part": [(1, 100)],
    "one empty part": [(1, 0)],
    "one part of 5 MiB": [(1, d.MIN)],
    "equal aligned parts, small last": [(1, d.MIN), (2, d.MIN), (3, 1000)],
    "equal aligned parts, large last": [(1, d.MIN), (2, d.MIN)],
    "aligned parts, empty last": [(1, d.MIN), (2, 0)],
    "equal odd parts, large last": [(1, d.MIN + 7), (2, d.MIN + 7), (3, d.MIN + 1)],
    "different parts, small last": [(1, d.MIN + 1), (2, d.MIN + 70002), (3, 77)],
    "numbers with gaps, small last": [(3, d.MIN), (7, d.MIN), (9, 5)],
    "part number 10000": [(1, d.MIN), (10000, d.MIN + 3)],
    "six runs, large last": [(n, d.MIN + n) for n in range(1, 7)],
    "six runs, small last": [(n, d.MIN + n * 1000) for n in range(1, 6)] + [(6, 65537)],
}


def runs_of(parts):
    runs = []
    for number, size in parts:
        if runs and (runs[-1][0] + runs[-1][1], runs[-1][2]) == (number, size):
            runs[-1] = (runs[-1][0], runs[-1][1] + 1, size)
        else:
            runs.append((number, 1, size))
    return runs


def with_mark(least, around):
    """The smallest layout part of at least `least` bytes that gives the object the stored size of a layout mark."""
    return least + (1 + d.F - around - least) % d.CELL


def multipart(name):
    parts = MULTIPART[name]
    plain_size = sum(size for _, size in parts)
    data_key = derived(name + " data key", 32)
    salts = [derived(f"{name} part {number}") for number, _ in parts]
    final_salt, layout_salt = derived(name + " final trailer"), derived(name + " layout trailer")
    last_number, last_size = parts[-1]
    final = last_size < d.MIN or last_number == 10000
    before = parts[:-1] if final else parts
    plain = pattern(plain_size)
    body, at = [], 0
    for (number, size), salt in zip(parts, salts):
        role = d.FINAL if final and number == last_number else d.ORDINARY
        body.append(seal_part(data_key, salt, role, number, plain[at : at + size]))
        at += size
    if final:
        body[-1] += seal_trailer(data_key, final_salt, d.TRAILER_FINAL, last_number, last_size, 0)[1]
    size = sum(map(len, body))
    runs = runs_of(parts)
    extension_size = 10 * len(runs) + 16 if len(runs) > 4 else 0
    uniform = [number for number, _ in parts] == list(range(1, len(parts) + 1)) and len({s for _, s in before}) <= 1
    if not final:
        layout_size = d.f(plain_size) - size
        if layout_size < d.F + extension_size:
            layout_size = with_mark(d.F + extension_size, size)
    elif uniform and (size == d.f(plain_size) or last_number == 10000):
        layout_size = 0
    else:
        layout_size = with_mark(max(d.MIN, d.F + extension_size), size)
    trailers = []
    if final:
        trailers.append({"sealed": body[-1][-160:].hex(), "kind": "final", "lastPartNumber": last_number, "plainSize": last_size, "storedSize": 0, "extension": 0, "runs": []})
    if layout_size:
        extension, trailer = seal_trailer(data_key, layout_salt, d.TRAILER_LAYOUT, last_number, plain_size, size + layout_size, (0, b""), runs)
        layout = bytes(layout_size - len(extension) - 160) + extension + trailer
        body.insert(-1 if final else len(body), layout)
        trailers.append({"sealed": trailer.hex(), "kind": "layout", "lastPartNumber": last_number, "plainSize": plain_size, "storedSize": size + layout_size, "extension": len(extension), "runs": [] if extension else runs})
    stored = b"".join(body)
    return stored, {
        "name": name,
        **place(),
        "dataKey": data_key.hex(),
        "parts": [{"number": n, "plainSize": s, "salt": salt.hex()} for (n, s), salt in zip(parts, salts)],
        "finalTrailerSalt": final_salt.hex() if final else None,
        "layoutTrailerSalt": layout_salt.hex() if layout_size else None,
        "layoutPartSize": layout_size,
        **envelope(data_key, "m"),
        "plainSize": plain_size,
        "plainSha256": hashlib.sha256(plain).hexdigest(),
        "storedSize": len(stored),
        "storedSha256": hashlib.sha256(stored).hexdigest(),
        "listedSize": d.f_inverse(len(stored)),
        "trailers": trailers,
    }


def sizes():
    S, C = d.S, d.CELL
    plain = [0, 1, 5, S - 1, S, S + 1, 2 * S - 1, 2 * S, 2 * S + 1, d.MIN - 1, d.MIN, d.MIN + 1, 5366416152]
    parts = [d.MIN, d.MIN + 1, d.MIN + S - 1, d.MIN + S, 8 << 20, 15 << 20, (64 << 20) + 12345, 5366416340]
    return {
        "single": [[p, d.f(p)] for p in plain],
        "ordinary": [[p, d.g(p)] for p in parts],
        "notSingle": [0, 1, 159, 161, 162, 188, 160 + C + 1, 160 + C + 28, 160 + 81885 * C + 2],
        "notOrdinary": [80 * C + S, 80 * C + S + 27],
        "layoutMark": [161, 160 + C + 1, 160 + 80 * C + 1],
        "corrupt": [0, 159, 162, 188, 160 + C + 2, 160 + C + 28],
        "lookupFrom": 9999 * d.g(d.MIN),
    }


def keks():
    seeds = [SEED, bytes(range(32)), b"\xff" * 64]
    return [{"seed": s.hex(), "version": v, "kek": d.kek_from_seed(s, v).hex()} for s in seeds for v in (1, 2, 0xFFFFFFFF)]


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def uploads():
    """What is kept of an upload under way: its folder, its state, and the record of a part."""
    data_key, store_id = derived("upload data key", 32), "2~store/upload.id+1"
    made = envelope(data_key, "m")
    fields = [b"sallyport/1/upload", BUCKET_ID.encode(), KEY.encode(), store_id.encode()]
    folder = ".sallyport/uploads/" + base64url(hashlib.sha256(b"".join(d.lp(field) for field in fields)).digest()) + "/"
    place_of = bytes.fromhex(made["context"]) + hashlib.sha256(store_id.encode()).digest()

    def sealed(label, salt, content):
        key = AESGCM(d.hkdf(data_key, salt, label + place_of, 32))
        return salt + key.encrypt(bytes(12), content, None)

    plain, etag = pattern(100_000), "9e107d9d372bb6826bd81d3542a419d6"
    fingerprint_key = AESGCM(d.hkdf(data_key, b"", b"sallyport/1/upload-fingerprint" + place_of, 32))
    fingerprint = fingerprint_key.encrypt(bytes(12), b"", plain)
    checksum = zlib.crc32(plain).to_bytes(4, "big")
    record = struct.pack(">HHBxHI", 2, 3, 1, 0, len(plain)) + hashlib.sha256(etag.encode()).digest()[:16] + fingerprint
    record += struct.pack(">BB32s", ALGORITHMS["CRC32"], len(checksum), checksum)
    terms = bytes([ALGORITHMS["CRC32"], 1, 1]) + bytes(13)
    salts = derived("upload state salt"), derived("upload record salt")
    state = b"\x01" + d.lp(made["envelope"].encode()) + sealed(b"sallyport/1/upload-state", salts[0], terms)
    return {
        **place(),
        "dataKey": data_key.hex(),
        "storeUploadId": store_id,
        **made,
        "folder": folder,
        "salts": [salt.hex() for salt in salts],
        "terms": {"checksum": {"algorithm": "CRC32", "type": "FULL_OBJECT"}, "onlyIfNone": True},
        "state": state.hex(),
        "part": {
            "number": 2,
            "slot": 3,
            "plainSize": len(plain),
            "isSetAside": True,
            "etag": etag,
            "fingerprint": fingerprint.hex(),
            "checksum": {"algorithm": "CRC32", "value": checksum.hex()},
        },
        "record": base64url(sealed(b"sallyport/1/upload-part", salts[1], record)),
    }


def files():
    yield "single.json", singles()
    yield "multipart.json", [multipart(name)[1] for name in MULTIPART]
    yield "sizes.json", sizes()
    yield "kek.json", keks()
    yield "upload.json", uploads()


def main(arguments):
    if len(arguments) == 3 and arguments[0] == "--body":
        pathlib.Path(arguments[2]).write_bytes(multipart(arguments[1])[0])
        return 0
    if arguments not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    stale = 0
    for name, content in files():
        text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        path = HERE / name
        if not arguments:
            path.write_text(text, encoding="utf-8")
        elif path.read_text(encoding="utf-8") != text:
            print(f"make_vectors.py: {name} differs", file=sys.stderr)
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
