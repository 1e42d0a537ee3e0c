"""s5cmd, a Go program on version 1 of its SDK."""

import os
import subprocess

from step import ODD_KEYS, SIZES, bucket, endpoint, equal, large, prefix, same, small, step

root = f"s3://{bucket}/{prefix}"


def s5cmd(*parameters, **more):
    ran = subprocess.run(["s5cmd", "--endpoint-url", endpoint, "--retry-count", "0", *parameters], capture_output=True, **more)
    assert ran.returncode == 0, (ran.stderr or ran.stdout).decode()
    return ran.stdout


print("version", s5cmd("version").decode().strip().removeprefix("v").split("-")[0], flush=True)

for size in SIZES:

    @step(f"round trip of {size} bytes")
    def _():
        open("up", "wb").write(large[:size])
        s5cmd("cp", "up", f"{root}size-{size}")
        s5cmd("cp", f"{root}size-{size}", "down")
        same(open("down", "rb").read(), large[:size])


@step("cp in parts, cat, pipe")
def _():
    open("up", "wb").write(large)
    s5cmd("cp", "--part-size", "5", "up", f"{root}large")
    same(s5cmd("cat", f"{root}large"), large)
    s5cmd("pipe", f"{root}piped", input=large)
    same(s5cmd("cat", f"{root}piped"), large)


@step("cp and mv inside S3")
def _():
    s5cmd("cp", f"{root}large", f"{root}copied")
    same(s5cmd("cat", f"{root}copied"), large)
    s5cmd("mv", f"{root}copied", f"{root}moved")
    same(s5cmd("cat", f"{root}moved"), large)


# Its wildcards are read even where no shell is: those keys are not its own.
for key in (key for key in ODD_KEYS if not set(key) & set("*?")):

    @step(f"key {key}")
    def _():
        open("up", "wb").write(small)
        s5cmd("cp", "--raw", "up", f"{root}odd/{key}")
        same(s5cmd("cat", "--raw", f"{root}odd/{key}"), small)
        s5cmd("cp", "--raw", f"{root}odd/{key}", f"{root}odd2/{key}")
        same(s5cmd("cat", "--raw", f"{root}odd2/{key}"), small)


@step("ls, du")
def _():
    seen = s5cmd("ls", f"{root}odd/*").decode().strip().splitlines()
    equal(len(seen), len(ODD_KEYS) - 2)
    s5cmd("du", f"{root}odd/*")


@step("sync up, down and inside S3")
def _():
    os.makedirs("tree/deep")
    for name in ("one", "deep/two ü"):
        open(f"tree/{name}", "wb").write(small)
    s5cmd("sync", "tree/", f"{root}tree/")
    s5cmd("sync", f"{root}tree/*", f"{root}tree2/")
    s5cmd("sync", f"{root}tree2/*", "back/")
    same(open("back/deep/two ü", "rb").read(), small)


@step("no-clobber")
def _():
    open("up", "wb").write(b"other")
    s5cmd("cp", "--no-clobber", "up", f"{root}large")
    same(s5cmd("cat", f"{root}large"), large)


@step("presign")
def _():
    assert s5cmd("presign", f"{root}large").startswith(b"https://")


@step("rm of many")
def _():
    s5cmd("rm", f"{root}*")
    ran = subprocess.run(["s5cmd", "--endpoint-url", endpoint, "ls", f"{root}*"], capture_output=True)
    assert b"no object found" in ran.stderr, ran.stderr + ran.stdout
