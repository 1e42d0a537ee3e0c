"""Buckets, and their documents."""
from botocore.exceptions import ClientError

from .here import CHECKS, DIRECT, GIVEN, check, equal, refused, true


@check
def bucket_is_there_and_another_is_not(here):
    here.s3.head_bucket(Bucket=here.bucket)
    refused(None, 404 if DIRECT else 403, lambda: here.s3.head_bucket(Bucket="not-there-at-all"))


@check
def bucket_is_listed_with_its_date(here):
    told = {entry["Name"]: entry for entry in here.s3.list_buckets()["Buckets"]}
    true(here.bucket in told, "not listed")
    true(told[here.bucket]["CreationDate"].year > 2020, f"made in {told[here.bucket]['CreationDate'].year}")


@check
def bucket_versioning_is_read(here):
    equal(here.s3.get_bucket_versioning(Bucket=GIVEN["versioned"])["Status"], "Enabled")
    equal(here.s3.get_bucket_versioning(Bucket=here.bucket).get("Status"), None)


@check
def bucket_location_is_read(here):
    here.s3.get_bucket_location(Bucket=here.bucket)


def none_check(label, code, call):
    def run(here):
        try:
            call(here.s3, here.bucket)
        except ClientError as error:
            equal(error.response["Error"]["Code"], code)

    run.__name__ = f"bucket_{label}_is_read"
    CHECKS.append(run)


none_check("cors", "NoSuchCORSConfiguration", lambda s3, bucket: s3.get_bucket_cors(Bucket=bucket))
none_check("lifecycle", "NoSuchLifecycleConfiguration", lambda s3, bucket: s3.get_bucket_lifecycle_configuration(Bucket=bucket))
none_check("policy", "NoSuchBucketPolicy", lambda s3, bucket: s3.get_bucket_policy(Bucket=bucket))
none_check("tagging", "NoSuchTagSet", lambda s3, bucket: s3.get_bucket_tagging(Bucket=bucket))
none_check("encryption", "ServerSideEncryptionConfigurationNotFoundError", lambda s3, bucket: s3.get_bucket_encryption(Bucket=bucket))
none_check("public_access_block", "NoSuchPublicAccessBlockConfiguration", lambda s3, bucket: s3.get_public_access_block(Bucket=bucket))
none_check("website", "NoSuchWebsiteConfiguration", lambda s3, bucket: s3.get_bucket_website(Bucket=bucket))
none_check("acl", "-", lambda s3, bucket: s3.get_bucket_acl(Bucket=bucket))


@check
def bucket_that_is_not_empty_is_not_deleted(here):
    here.put("x", b"x")
    refused("BucketNotEmpty", 409, lambda: here.s3.delete_bucket(Bucket=here.bucket))
    equal(here.body("x"), b"x")


@check
def bucket_that_is_there_may_be_made_again_and_keeps_its_objects(here):
    here.put("x", b"x")
    try:
        here.s3.create_bucket(Bucket=here.bucket)
    except ClientError as error:
        equal(error.response["Error"]["Code"], "BucketAlreadyOwnedByYou")
    equal(here.body("x"), b"x")


@check
def bucket_that_is_not_there_is_not_deleted(here):
    call = lambda: here.s3.delete_bucket(Bucket="not-there-at-all")
    refused("NoSuchBucket|AccessDenied", 404 if DIRECT else 403, call)


@check
def bucket_head_says_its_region_or_nothing(here):
    told = here.s3.head_bucket(Bucket=here.bucket)["ResponseMetadata"]
    equal(told["HTTPStatusCode"], 200)
    equal(told["HTTPHeaders"].get("x-amz-bucket-region", GIVEN["region"]), GIVEN["region"])


@check
def bucket_list_has_an_owner(here):
    true(here.s3.list_buckets()["Owner"]["ID"], "no owner")
