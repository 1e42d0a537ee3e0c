#!/usr/bin/env python3
"""Makes the vectors of objects that other encrypting gateways wrote, after their formats and without the product.

  make_vectors.py           writes objects.json beside itself
  make_vectors.py --check   exits 1 where the file differs from what it would write

AES-256-GCM-SIV is written out here after RFC 8452, held to rfc8452.json (the vectors of its appendix C without associated
data), and to the package cryptography where that has the cipher. Plaintexts of a size are the first bytes of
00 01 02 .. fa 00 01 .. (byte i is i mod 251).
"""
import base64
import hashlib
import json
import pathlib
import struct
import sys

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding

try:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
except ImportError:
    AESGCMSIV = None

HERE = pathlib.Path(__file__).resolve().parent
SEED = b"test-seed-0123456789abcdef0123456789abcdef"
DATA_KEY = bytes(range(32))
NONCE = bytes(range(12))
# x^128 + x^127 + x^126 + x^121 + 1, bit i of the number is the coefficient of x^i.
FIELD = (1 << 128) | (1 << 127) | (1 << 126) | (1 << 121) | 1


def pattern(size):
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def aes(key, blocks):
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    return encryptor.update(blocks) + encryptor.finalize()


def dot(a, b):
    """a * b * x^-128 in the field of POLYVAL."""
    product = 0
    for bit in range(128):
        if a >> bit & 1:
            product ^= b << bit
    for _ in range(128):
        if product & 1:
            product ^= FIELD
        product >>= 1
    return product


def polyval(key, data):
    h = int.from_bytes(key, "little")
    state = 0
    for at in range(0, len(data), 16):
        state = dot(state ^ int.from_bytes(data[at : at + 16], "little"), h)
    return state.to_bytes(16, "little")


def gcm_siv(key, nonce, plain):
    halves = aes(key, b"".join(struct.pack("<I", i) + nonce for i in range(6)))
    derived = b"".join(halves[at : at + 8] for at in range(0, 96, 16))
    padded = plain + bytes(-len(plain) % 16) + struct.pack("<QQ", 0, len(plain) * 8)
    summed = polyval(derived[:16], padded)
    masked = bytes(a ^ b for a, b in zip(summed, nonce + bytes(4)))
    tag = aes(derived[16:], masked[:15] + bytes([masked[15] & 0x7F]))
    first = int.from_bytes(tag[:4], "little")
    rest = tag[4:15] + bytes([tag[15] | 0x80])
    count = (len(plain) + 15) // 16
    stream = aes(derived[16:], b"".join(struct.pack("<I", (first + i) % 2**32) + rest for i in range(count)))
    sealed = bytes(a ^ b for a, b in zip(plain, stream)) + tag
    if AESGCMSIV is not None:
        assert sealed == AESGCMSIV(key).encrypt(nonce, plain, b""), "the package cryptography differs"
    return sealed


def hashed(seed):
    return hashlib.sha256(seed).digest()


def kek_v1(seed):
    salt = hashlib.sha256(b"s3proxy-kek-salt-v1").digest()
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=salt, info=b"s3proxy/kek/v1").derive(seed)


def isec(name, kek, plain, version=None, seed=SEED):
    metadata = {"isec": aes_key_wrap_with_padding(kek, DATA_KEY).hex()}
    if version is not None:
        metadata["isec-kek-ver"] = version
    return stored(name, seed, metadata, plain, NONCE + gcm_siv(DATA_KEY, NONCE, plain))


def python(name, plain, more=()):
    metadata = {"isec": base64.b64encode(aes_key_wrap_with_padding(hashed(SEED), DATA_KEY)).decode()}
    metadata |= {"client-etag": hashlib.md5(plain).hexdigest(), "plaintext-size": str(len(plain))} | dict(more)
    return stored(name, SEED, metadata, plain, NONCE + AESGCM(DATA_KEY).encrypt(NONCE, plain, None))


def stored(name, seed, metadata, plain, body):
    vector = {"name": name, "seed": seed.decode(), "metadata": metadata}
    if len(body) <= 1024:
        return vector | {"plain": plain.hex(), "body": body.hex()}
    return vector | {"plainSize": len(plain), "dataKey": DATA_KEY.hex(), "nonce": NONCE.hex(), "bodySha256": hashlib.sha256(body).hexdigest()}


def objects():
    hello = b"hello s3proxy"
    yield isec("isec-kek-v1", kek_v1(SEED), hello, "1")
    yield isec("isec-kek-v1, empty", kek_v1(SEED), b"", "1")
    yield isec("isec-kek-v1, whole blocks", kek_v1(SEED), pattern(64), "1")
    yield isec("isec-kek-v1, large", kek_v1(SEED), pattern(300_001), "1")
    yield isec("isec-kek-v1, short seed", kek_v1("Schlüssel".encode()), hello, "1", "Schlüssel".encode())
    yield isec("isec-kek-legacy", hashed(SEED), hello)
    yield isec("isec-kek-legacy, empty version", hashed(SEED), hello, "")
    yield isec("isec-kek-zero", bytes(32), hello)
    yield python("s3proxy-python", hello)
    yield python("s3proxy-python, empty", b"")
    yield python("s3proxy-python, key of a client", pattern(100), {"isec-kid": "AKIAIOSFODNN7EXAMPLE", "s3proxy-format": "single-v3"})


def main(arguments):
    if arguments not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    for vector in json.loads((HERE / "rfc8452.json").read_text(encoding="utf-8")):
        key, nonce, plain, result = (bytes.fromhex(vector[field]) for field in ("key", "nonce", "plain", "result"))
        assert gcm_siv(key, nonce, plain) == result, vector["name"]
    path = HERE / "objects.json"
    text = json.dumps(list(objects()), indent=1, ensure_ascii=False) + "\n"
    if not arguments:
        path.write_text(text, encoding="utf-8")
    elif path.read_text(encoding="utf-8") != text:
        print("make_vectors.py: objects.json differs", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
