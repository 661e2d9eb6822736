"""The stores that a person's commands use, and the session password among them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import BaseModel

from shared.contracts import names
from shared.domain.errors import StoreError
from shared.ports.matching import CrawlStore, DivergenceLedger, PairRulings
from shared.ports.messaging import CommandQueue
from shared.ports.secrets import SecretStore
from shared.ports.stores import CatalogueStore, ConfigStore, ControlLog, LiveFlags


class Views(Protocol):
    """The record as people read it."""

    def edge(self, pair_id: str, /) -> BaseModel | None: ...

    def package(self, package_id: str, /) -> BaseModel | None: ...


class Exports(Protocol):
    """The record by the year."""

    def columns(self, what: str, /) -> tuple[str, ...]: ...

    def rows(self, what: str, year: int, /) -> Iterator[dict[str, str]]: ...


class MatchingRecord(PairRulings, CrawlStore, DivergenceLedger, Protocol):
    """Lists, crawls and results."""


@dataclass(frozen=True, slots=True)
class CommandStores:
    """What the commands of a person need; the trader is not among it."""

    stage: str
    flags: LiveFlags
    control: ControlLog
    configs: ConfigStore
    queue: CommandQueue
    views: Views
    exports: Exports
    secrets: SecretStore
    catalogue: CatalogueStore
    matching: MatchingRecord

    def edge_of(self, pair_id: str) -> Mapping[str, Any] | None:
        """Return the newest stored edge of a pair with its breakdown, or None."""
        found = self.views.edge(pair_id)
        return None if found is None else found.model_dump()

    def package_of(self, package_id: str) -> Mapping[str, Any] | None:
        """Return a package from decision to end, or None."""
        found = self.views.package(package_id)
        return None if found is None else found.model_dump()

    def has_password(self) -> bool:
        return bool(self._session().get("password_hash"))

    def check_password(self, typed: str) -> bool:
        """Compare with the stored argon2id hash."""
        try:
            return PasswordHasher().verify(self._session()["password_hash"], typed)
        except (KeyError, VerificationError, InvalidHashError):
            return False

    def set_password(self, typed: str) -> None:
        """Store the hash beside whatever the session secret already holds."""
        fields = {**self._session(), "password_hash": PasswordHasher().hash(typed)}
        self.secrets.write(names.secret(self.stage, "session"), fields)

    def _session(self) -> Mapping[str, str]:
        try:
            return self.secrets.read(names.secret(self.stage, "session"))
        except StoreError:
            return {}
