"""Opinion cache and token budget of one process: for tests and the command line."""

from __future__ import annotations

import threading


class MemoryOpinions:
    """Port ``OpinionCache``, gone with the process."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def get(self, key: str) -> str | None:
        return self._known.get(key)

    def put(self, key: str, text: str) -> None:
        self._known.setdefault(key, text)


class MemoryBudget:
    """Port ``TokenBudget``, gone with the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spent: dict[str, int] = {}

    def reserve(self, day: str, tokens: int, limit: int) -> bool:
        assert tokens > 0
        with self._lock:
            if self._spent.get(day, 0) + tokens > limit:
                return False
            self._spent[day] = self._spent.get(day, 0) + tokens
            return True

    def give_back(self, day: str, tokens: int) -> None:
        assert 0 < tokens <= self._spent.get(day, 0)
        with self._lock:
            self._spent[day] -= tokens

    def spent(self, day: str) -> int:
        return self._spent.get(day, 0)
