"""What goes into a function: one asset of our own code, one layer of third-party wheels.

Neither needs docker. The first-party asset is staged by copying, so that its hash depends
on the sources alone; the layer is resolved by ``uv`` for arm64 from the hashed lock file.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import aws_cdk as core
import jsii
from aws_cdk import aws_lambda as lambda_

ROOT: Final = Path(__file__).resolve().parents[1]
LAYER_LOCK: Final = ROOT / "requirements" / "lambdas.lock"
LAYER_MAX_BYTES: Final = 200 * 1024 * 1024
"""Below the service's 250 MB for code and layers together."""

_PACKAGES: Final = ("shared", "lambdas")
_LEFT_OUT: Final = frozenset({"simulators", "drivers", "__pycache__"})
_IN_RUNTIME: Final = frozenset({"boto3", "botocore", "s3transfer"})
_NEVER_IMPORTED: Final = frozenset(
    "click filelock fsspec hf-xet httpcore2 httpx2 huggingface-hub pyyaml toml truststore".split()
)
"""What the embedding packages want for downloads; ours reads the weights in the wheel."""


def first_party_files() -> Iterator[tuple[Path, str]]:
    """Yield (file, name inside the asset) of our code as functions need it, sorted."""
    for package in _PACKAGES:
        for path in sorted((ROOT / package).rglob("*")):
            relative = path.relative_to(ROOT)
            if path.is_file() and path.suffix != ".pyc" and not _LEFT_OUT & set(relative.parts):
                yield path, relative.as_posix()


def first_party_code(staging: Path) -> lambda_.AssetCode:
    """Copy our code below ``staging`` and return it as an asset."""
    target = staging / "first-party"
    shutil.rmtree(target, ignore_errors=True)
    for path, name in first_party_files():
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    assert (target / "lambdas").is_dir(), "the asset would hold no function"
    return lambda_.Code.from_asset(str(target))


@jsii.implements(core.ILocalBundling)
class _WheelLayer:
    """Installs the locked wheels for arm64 into the layer's ``python`` folder."""

    def try_bundle(self, output_dir: str, *_args: Any, **_kwargs: Any) -> bool:
        with tempfile.TemporaryDirectory() as folder:
            wanted = Path(folder) / "layer.txt"
            wanted.write_text(layer_requirements(LAYER_LOCK.read_text()))
            subprocess.run(
                [
                    *(sys.executable, "-m", "uv", "pip", "install", "-q", "--no-deps"),
                    *("--only-binary", ":all:", "--no-compile", "--require-hashes"),
                    *("--python-platform", "aarch64-manylinux_2_28", "--python-version", "3.11"),
                    *("--target", f"{output_dir}/python", "-r", str(wanted)),
                ],
                check=True,
            )
        size = sum(p.stat().st_size for p in Path(output_dir).rglob("*") if p.is_file())
        assert size < LAYER_MAX_BYTES, f"the layer holds {size} bytes"
        return True


def layer_requirements(lock: str) -> str:
    """Return a lock without the packages that the runtime already holds or nobody imports."""
    left_out = _IN_RUNTIME | _NEVER_IMPORTED
    blocks = re.split(r"(?m)^(?=[a-z0-9])", lock)
    kept = [b for b in blocks if re.split(r"[=\[ ]", b, maxsplit=1)[0] not in left_out]
    return "".join(kept)


def wheel_layer_code() -> lambda_.AssetCode:
    """Return the third-party layer; built at synth unless bundling is switched off."""
    return lambda_.Code.from_asset(
        str(LAYER_LOCK.parent),
        exclude=["**", "!lambdas.lock"],
        asset_hash_type=core.AssetHashType.SOURCE,
        bundling=core.BundlingOptions(
            image=core.DockerImage.from_registry("unused"),
            local=_WheelLayer(),
        ),
    )
