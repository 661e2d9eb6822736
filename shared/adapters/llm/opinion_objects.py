"""Opinion cache over an object store: one immutable object an opinion."""

from __future__ import annotations

from typing import Final

from shared.domain.errors import StoreError
from shared.matching.comparison import PROMPT_VERSION
from shared.ports.event_log import ObjectStore

_PREFIX: Final = f"opinions/{PROMPT_VERSION}"


class ObjectOpinions:
    """Port ``OpinionCache`` in the bucket ``artefacts``; objects are never replaced."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    def get(self, key: str) -> str | None:
        """Return the text, or None where there is none. Raises StoreError: no answer."""
        name = self._name(key)
        if not any(o.name == name for o in self._objects.list_objects(name)):
            return None
        return self._objects.get(name).decode("utf-8", "replace")

    def put(self, key: str, text: str) -> None:
        """Store an opinion; the first of two writers of one key wins."""
        name = self._name(key)
        try:
            self._objects.put(name, text.encode())
        except StoreError:
            if self.get(key) is None:
                raise

    def _name(self, key: str) -> str:
        assert key.isalnum()
        return f"{_PREFIX}/{key}.json"
