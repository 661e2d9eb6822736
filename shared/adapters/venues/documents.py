"""Published documents over HTTPS, and the memory of them as files of the state directory."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

import httpx

from shared.domain.errors import StoreError
from shared.ports.documents import SeenDocument

BYTES_MAX: Final = 16 * 1024 * 1024
TIMEOUT_S: Final = 30.0
USER_AGENT: Final = "twinleg/1"


class HttpDocuments:
    """Implements ``DocumentSource``; one request, no cookies, no proxy of the environment."""

    async def fetch(self, url: str) -> str:
        """Return the text of a 200 answer. Raises StoreError for everything else."""
        try:
            async with (
                httpx.AsyncClient(
                    timeout=TIMEOUT_S,
                    trust_env=False,
                    follow_redirects=True,
                    headers={"User-Agent": USER_AGENT},
                ) as http,
                http.stream("GET", url) as answer,
            ):
                if answer.status_code != 200:
                    raise StoreError(f"GET {url}: HTTP {answer.status_code}")
                body = bytearray()
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    if len(body) > BYTES_MAX:
                        raise StoreError(f"GET {url}: more than {BYTES_MAX} bytes")
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise StoreError(f"GET {url}: {type(error).__name__}") from error
        if not body:
            raise StoreError(f"GET {url}: empty")
        return body.decode("utf-8", "replace")


class DocumentFolder:
    """Implements ``DocumentMemory``: one file a document, replaced whole."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _path(self, key: str) -> Path:
        name = "".join(c if c.isalnum() or c in "-_." else "_" for c in key)
        return self._folder / f"{name}.json"

    def load(self, key: str) -> SeenDocument | None:
        try:
            row = json.loads(self._path(key).read_text())
            return SeenDocument(str(row["sha256"]), str(row["text"]), int(row["read_wall_ns"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def save(self, key: str, seen: SeenDocument) -> None:
        row = {"sha256": seen.sha256, "text": seen.text, "read_wall_ns": seen.read_wall_ns}
        path = self._path(key)
        draft = path.with_suffix(".tmp")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            draft.write_text(json.dumps(row))
            os.replace(draft, path)
        except OSError as error:
            raise StoreError(f"document memory: {error.strerror}") from error
