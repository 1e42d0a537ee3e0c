"""boto3 whose transfers are the CRT's."""

import io
import time

import boto3
from boto3.s3.transfer import TransferConfig, create_transfer_manager
from s3transfer.crt import acquire_crt_s3_process_lock
from step import ODD_KEYS, PART_BYTES, SIZES, bucket, equal, large, prefix, same, small, step, version

version("boto3", "awscrt")
# set-up
s3 = boto3.client("s3")
CRT = TransferConfig(preferred_transfer_client="crt", multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES)
# end of set-up


@step("it is the CRT")
def _():
    # One process of a machine has it at a time, and others quietly fall back.
    for _ in range(150):
        if acquire_crt_s3_process_lock("boto3") is not None:
            break
        time.sleep(1)
    equal(type(create_transfer_manager(s3, CRT)).__name__, "CRTTransferManager")


def round_trip(name, body, **extra):
    s3.upload_fileobj(io.BytesIO(body), bucket, prefix + name, ExtraArgs=extra, Config=CRT)
    seen = io.BytesIO()
    s3.download_fileobj(bucket, prefix + name, seen, Config=CRT)
    same(seen.getvalue(), body)


for size in SIZES:
    step(f"round trip of {size} bytes")(lambda: round_trip(f"size-{size}", large[:size]))
step("round trip in parts")(lambda: round_trip("large", large))
for algorithm in ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"):
    step(f"in parts with {algorithm}")(lambda: round_trip("sum", large, ChecksumAlgorithm=algorithm))
for key in ODD_KEYS:
    step(f"key {key}")(lambda: round_trip(f"odd/{key}", small))


@step("files")
def _():
    open("up", "wb").write(large)
    s3.upload_file("up", bucket, prefix + "file", Config=CRT)
    s3.download_file(bucket, prefix + "file", "down", Config=CRT)
    same(open("down", "rb").read(), large)


@step("delete")
def _():
    s3.delete_object(Bucket=bucket, Key=prefix + "large")
