"""33 PUTs of one boto3 client, one after the other on the connections that it keeps; every eleventh is denied."""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

config = Config(region_name="us-east-1", retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
client = boto3.client("s3", endpoint_url=sys.argv[1], config=config)
result = {"completed": 0, "denied": 0, "other": []}
for n in range(33):
    year = "2025" if n % 11 == 5 else "2026"
    try:
        client.put_object(Bucket="reports", Key=f"{year}/by-boto3/{n}", Body=b"content")
        result["completed"] += 1
    except ClientError as error:
        if error.response["Error"]["Code"] == "AccessDenied":
            result["denied"] += 1
        else:
            result["other"].append(str(error))
    except Exception as error:
        result["other"].append(repr(error))
print(json.dumps(result))
