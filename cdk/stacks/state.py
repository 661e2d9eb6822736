"""State stack: DynamoDB tables, buckets, secrets and the keys that encrypt them.

Everything here outlives a deployment; nothing here runs.
"""

from __future__ import annotations

from typing import Any, Final

import aws_cdk as core
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from cdk.stages import Stage
from shared.contracts import names

SECRETS: Final = ("session", "kalshi", "polymarket", "polymarket_us", "discord", "llm")

_KEY_OF: Final = {"idempotency": "id"}
_TTL_OF: Final = {
    "sessions": "expires_at",
    "rate_tokens": "expires_at",
    "idempotency": "expiration",
}


class StateStack(core.Stack):
    """Tables, buckets, secrets."""

    def __init__(self, scope: Construct, stage: Stage, **kwargs: Any) -> None:
        super().__init__(scope, names.stack(stage.name, "state"), **kwargs)
        self._stage = stage
        self._removal = (
            core.RemovalPolicy.RETAIN if stage.keeps_data else core.RemovalPolicy.DESTROY
        )
        self.key = self._own_key("DataKey", "tables, buckets and queues")
        self.secret_key = self._own_key("SecretKey", "secrets")
        if self.key is not None:
            # Log groups are encrypted with it too, and CloudWatch asks in its own name.
            self.key.grant_encrypt_decrypt(
                iam.ServicePrincipal(f"logs.{stage.region}.amazonaws.com")
            )
        self.tables = {name: self._table(name) for name in names.TABLES}
        self.buckets = {name: self._bucket(name) for name in ("events", "artefacts")}
        self.secrets = {name: self._secret(name) for name in SECRETS}

    def _own_key(self, key_id: str, what: str) -> kms.Key | None:
        if not self._stage.has_customer_keys:
            return None
        key = kms.Key(
            self,
            key_id,
            description=f"{names.APP} {self._stage.name}: {what}",
            enable_key_rotation=True,
            removal_policy=self._removal,
        )
        return key

    def _table(self, name: str) -> dynamodb.TableV2:
        encryption = (
            dynamodb.TableEncryptionV2.customer_managed_key(self.key)
            if self.key is not None
            else dynamodb.TableEncryptionV2.aws_managed_key()
        )
        return dynamodb.TableV2(
            self,
            f"Table{name.title().replace('_', '')}",
            table_name=names.table(self._stage.name, name),
            partition_key=dynamodb.Attribute(
                name=_KEY_OF.get(name, "pk"), type=dynamodb.AttributeType.STRING
            ),
            billing=dynamodb.Billing.on_demand(),
            encryption=encryption,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            time_to_live_attribute=_TTL_OF.get(name),
            deletion_protection=self._stage.keeps_data,
            removal_policy=self._removal,
        )

    def _bucket(self, name: str) -> s3.Bucket:
        account = self._stage.account or core.Aws.ACCOUNT_ID
        return s3.Bucket(
            self,
            f"Bucket{name.title()}",
            bucket_name=names.bucket(self._stage.name, name, account),
            encryption=s3.BucketEncryption.KMS if self.key else s3.BucketEncryption.S3_MANAGED,
            encryption_key=self.key,
            bucket_key_enabled=True if self.key else None,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            versioned=True,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="age",
                    transitions=[
                        s3.Transition(
                            storage_class=s3.StorageClass.INFREQUENT_ACCESS,
                            transition_after=core.Duration.days(30),
                        )
                    ],
                    noncurrent_version_expiration=core.Duration.days(30),
                    abort_incomplete_multipart_upload_after=core.Duration.days(2),
                ),
                s3.LifecycleRule(
                    id="runs",
                    prefix="matching/",
                    expiration=core.Duration.days(7),
                    noncurrent_version_expiration=core.Duration.days(1),
                ),
            ],
            removal_policy=self._removal,
        )

    def _secret(self, name: str) -> secretsmanager.Secret:
        # Created with a random value that opens nothing; the real one is written by
        # `twinleg secrets set`, so that no template ever holds it.
        return secretsmanager.Secret(
            self,
            f"Secret{name.title()}",
            secret_name=names.secret(self._stage.name, name),
            encryption_key=self.secret_key,
            removal_policy=self._removal,
        )
