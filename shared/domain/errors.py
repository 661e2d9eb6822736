"""The exception tree.

TwinlegError
|-- DomainError                a rule of the domain was broken by an input
|   |-- OffGridError           price or quantity not on the market's grid
|   |-- UnknownFeeError        no known formula for a fee schedule
|   |-- IllegalTransitionError (state, event) is not in a life-cycle table
|   `-- ConfigError            a configuration value outside its bounds
|-- WireError                  a venue said something that cannot be read
|-- JournalError               the intent could not be stored: send nothing
|   |-- FencedError            a newer trader owns the journal: stop trading
|   `-- RowRefusedError        the database answers, but not with this row in it
|-- StoreError                 a store did not answer or refused
`-- NotAvailableError          a feature that this build does not have
"""

from __future__ import annotations


class TwinlegError(Exception):
    """Root of everything that Twinleg raises on purpose."""


class DomainError(TwinlegError):
    """An input breaks a rule of the domain."""


class OffGridError(DomainError):
    """A price or quantity is not on the market's grid."""


class UnknownFeeError(DomainError):
    """The fee schedule names a formula that is not known; the market is untradeable."""


class IllegalTransitionError(DomainError):
    """The (state, event) cell is not in the table; the state was left unchanged."""


class ConfigError(DomainError):
    """A configuration value is missing, mistyped or outside its bounds."""


class WireError(TwinlegError):
    """Bytes from a venue could not be read; carries a redacted sample, never a secret."""

    def __init__(self, kind: str, sample: str = "") -> None:
        super().__init__(f"{kind}: {sample[:200]}" if sample else kind)
        self.kind = kind
        self.sample = sample[:200]


class JournalError(TwinlegError):
    """The envelope is not known to be durable; the caller must send nothing."""


class FencedError(JournalError):
    """A trader with a higher fencing number has taken over."""


class RowRefusedError(JournalError):
    """A row itself was refused (unknown column, bad value, unbalanced postings).

    Sending it again will not help; the text starts with ``refused:``.
    """


class StoreError(TwinlegError):
    """A store refused or did not answer."""


class NotAvailableError(TwinlegError):
    """Raised with the name of what is missing; commands print it and exit 1."""
