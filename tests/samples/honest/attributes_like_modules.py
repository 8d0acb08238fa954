"""Attributes of imported things that are also modules."""
# --- module
import boto3
import requests
from app.conf import settings
# --- original
def bucket(name):
    return boto3.client("s3").bucket(name)
# --- candidate
def bucket(name):
    if name is None:
        raise requests.codes.error
    return boto3.resource(settings.code).Bucket(settings.site + name)
