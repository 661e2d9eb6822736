"""Deploys the core stacks into the embedded AWS: synth in process, then CloudFormation.

The same templates that AWS gets are sent through the CloudFormation API; the assets go to
the bucket that the templates name. The CDK command line would do the same with a second
Node process for each stack; doing it here halves the first start and makes the later ones
a comparison of digests (docs/adr/0003).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from shared.contracts import names

ROOT: Final = Path(__file__).resolve().parents[2]
STAGE: Final = "local"
REGION: Final = "eu-west-1"
STACK_ORDER: Final = ("state", "messaging", "functions", "api", "workflows")
STACK_DEADLINE_S: Final = 120
_DONE: Final = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})
_RECORD: Final = "deployed.json"


class DeployError(Exception):
    """A stack could not be deployed; the text names stack and reason."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """What the rest of the edition needs of the deployed stacks."""

    api_id: str
    changed: tuple[str, ...]
    """Names of the stacks that were created or updated by this call."""


def aws_environment(endpoint: str) -> dict[str, str]:
    """Return the environment that points an SDK at the embedded AWS and nowhere else."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def client(service: str, endpoint: str, *, timeout_s: int = 60) -> Any:
    """Return a boto3 client of the embedded AWS; ignores the caller's own credentials."""
    return boto3.client(  # type: ignore[call-overload]
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(
            retries={"max_attempts": 3, "mode": "standard"},
            read_timeout=timeout_s,
            connect_timeout=5,
            s3={"addressing_style": "path"},
        ),
    )


def deploy_core(
    state_dir: Path, endpoint: str, parameters: Mapping[str, str], say: Any
) -> Deployment:
    """Bring the core stacks to the present sources and parameters; skip what is there.

    ``parameters`` are the values of the functions stack. Raises DeployError.
    """
    assembly = state_dir / "cdk.out"
    sources = sources_digest()
    record = _read_record(state_dir)
    if record.get("sources") != sources or not (assembly / "manifest.json").exists():
        say("synthesise the stacks")
        _synthesise(assembly)
    stacks = _existing(endpoint)
    known: dict[str, str] = dict(record.get("stacks", {}))
    changed: list[str] = []
    _publish_assets(assembly, endpoint, say)
    for short in STACK_ORDER:
        name = names.stack(STAGE, short)
        body = (assembly / f"{name}.template.json").read_text()
        values = dict(parameters) if short == "functions" else {}
        digest = hashlib.sha256(f"{body}{sorted(values.items())}".encode()).hexdigest()
        if known.get(short) == digest and stacks.get(name) in _DONE:
            continue
        say(f"deploy {name}")
        _apply(endpoint, name, body, values, exists=name in stacks)
        known[short] = digest
        changed.append(short)
        _write_record(state_dir, {"sources": sources, "stacks": known})
    _write_record(state_dir, {"sources": sources, "stacks": known})
    return Deployment(api_id=_api_id(endpoint), changed=tuple(changed))


def sources_digest() -> str:
    """Return a digest of everything that a template or an asset is made of."""
    digest = hashlib.sha256()
    for path in _sources():
        digest.update(path.relative_to(ROOT).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    yield ROOT / "cdk.json"
    yield ROOT / "requirements" / "lambdas.lock"
    for package in ("shared", "lambdas", "cdk"):
        yield from sorted((ROOT / package).rglob("*.py"))


def _synthesise(assembly: Path) -> None:
    node = Path(sys.executable).parent / "node"
    if node.exists():
        os.environ.setdefault("JSII_NODE", str(node))
    os.environ.setdefault("JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION", "1")
    # Imported here: loading jsii takes seconds, and a later start does not need it.
    from cdk.app import build
    from cdk.stages import find_stage

    shutil.rmtree(assembly, ignore_errors=True)
    with tempfile.TemporaryDirectory() as staging:
        build(str(assembly), Path(staging), (find_stage(STAGE),)).synth()


# --- assets -------------------------------------------------------------------------------


def _publish_assets(assembly: Path, endpoint: str, say: Any) -> None:
    """Upload the file assets that the templates name and the bucket lacks."""
    s3 = client("s3", endpoint)
    for manifest in sorted(assembly.glob("*.assets.json")):
        for asset in json.loads(manifest.read_text())["files"].values():
            source = assembly / asset["source"]["path"]
            if source.name.endswith(".template.json"):
                continue
            for target in asset["destinations"].values():
                bucket = target["bucketName"].replace("${AWS::AccountId}", "000000000000")
                bucket = bucket.replace("${AWS::Region}", REGION)
                if _has_object(s3, bucket, target["objectKey"]):
                    continue
                say(f"upload {target['objectKey'][:12]}")
                with tempfile.TemporaryDirectory() as folder:
                    packed = _pack(source, Path(folder) / "asset.zip")
                    s3.upload_file(str(packed), bucket, target["objectKey"])


def _has_object(s3: Any, bucket: str, key: str) -> bool:
    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError:
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        return False
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError:
        return False
    return True


def _pack(source: Path, archive: Path) -> Path:
    """Zip a folder with fixed times, so that equal sources make equal archives."""
    if source.is_file():
        return source
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as pack:
        for path in sorted(source.rglob("*")):
            if path.is_file():
                entry = zipfile.ZipInfo(path.relative_to(source).as_posix(), (1980, 1, 1, 0, 0, 0))
                entry.external_attr = 0o644 << 16
                pack.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return archive


# --- stacks -------------------------------------------------------------------------------


def _existing(endpoint: str) -> dict[str, str]:
    stacks = client("cloudformation", endpoint).describe_stacks()["Stacks"]
    return {stack["StackName"]: stack["StackStatus"] for stack in stacks}


def _apply(
    endpoint: str, name: str, body: str, parameters: Mapping[str, str], *, exists: bool
) -> None:
    cloudformation = client("cloudformation", endpoint)
    request: dict[str, Any] = {
        "StackName": name,
        "TemplateBody": body,
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
        "Parameters": [
            {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
        ],
    }
    try:
        if exists:
            cloudformation.update_stack(**request)
        else:
            cloudformation.create_stack(**request)
    except ClientError as error:
        if "No updates are to be performed" in str(error):
            return
        raise DeployError(f"{name}: {error}") from error
    _wait(cloudformation, name)


def _wait(cloudformation: Any, name: str) -> None:
    deadline = time.monotonic() + STACK_DEADLINE_S
    while time.monotonic() < deadline:
        stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        status = stack["StackStatus"]
        if status in _DONE:
            return
        if not status.endswith("_IN_PROGRESS"):
            raise DeployError(f"{name}: {status}: {_first_failure(cloudformation, name)}")
        time.sleep(0.2)
    raise DeployError(f"{name}: not finished after {STACK_DEADLINE_S} s")


def _first_failure(cloudformation: Any, name: str) -> str:
    events: Sequence[Mapping[str, Any]] = cloudformation.describe_stack_events(StackName=name)[
        "StackEvents"
    ]
    failures = [e for e in events if str(e.get("ResourceStatus", "")).endswith("_FAILED")]
    if not failures:
        return "no reason given"
    first = failures[-1]
    return f"{first.get('LogicalResourceId')}: {first.get('ResourceStatusReason', '')}"


def _api_id(endpoint: str) -> str:
    name = names.stack(STAGE, "api")
    stack = client("cloudformation", endpoint).describe_stacks(StackName=name)["Stacks"][0]
    outputs = {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])}
    assert "ApiId" in outputs, "the api stack names no API"
    return str(outputs["ApiId"])


def _read_record(state_dir: Path) -> dict[str, Any]:
    try:
        record = json.loads((state_dir / _RECORD).read_text())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _write_record(state_dir: Path, record: Mapping[str, Any]) -> None:
    target = state_dir / _RECORD
    part = target.with_suffix(".part")
    part.write_text(json.dumps(record, indent=1))
    part.replace(target)
