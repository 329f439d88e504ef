"""An object put into S3 and read from there, by boto3."""

import sys

import boto3
from botocore.config import Config

host, port, text = sys.argv[1:]
client = boto3.client(
    "s3",
    endpoint_url=f"http://{host}:{port}",
    region_name="us-east-1",
    aws_access_key_id="nobody",
    aws_secret_access_key="nothing",
    config=Config(s3={"addressing_style": "path"}),
)
client.create_bucket(Bucket="bucket")
client.put_object(Bucket="bucket", Key="object", Body=text.encode())
print(client.get_object(Bucket="bucket", Key="object")["Body"].read().decode())
client.close()
