"""Where the venue lives and who we are there: hosts and credentials of one account."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared.adapters.venues.polymarket.capabilities import CHAIN_ID, SignatureType
from shared.adapters.venues.polymarket.signing import ApiCredentials, OrderSigner
from shared.domain.errors import DomainError

_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Hosts:
    """Base addresses of one host set. ``ws`` ends in ``/ws``; the channels are appended."""

    clob: str
    gamma: str
    data: str
    ws: str
    geoblock: str


PRODUCTION: Final = Hosts(
    clob="https://clob.polymarket.com",
    gamma="https://gamma-api.polymarket.com",
    data="https://data-api.polymarket.com",
    ws="wss://ws-subscriptions-clob.polymarket.com/ws",
    geoblock="https://polymarket.com/api/geoblock",
)
STAGING: Final = Hosts(
    clob="https://clob-staging.polymarket.com",
    gamma=PRODUCTION.gamma,
    data=PRODUCTION.data,
    ws=PRODUCTION.ws,
    geoblock=PRODUCTION.geoblock,
)
"""Staging takes orders only; catalogue and streams are those of production."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Everything that trades for one account. Secrets never appear in its repr."""

    signer: OrderSigner
    api: ApiCredentials
    signature_type: SignatureType
    wallet: str
    """The address that holds the money: EOA, proxy, safe or deposit wallet."""

    @staticmethod
    def from_secret(secret: Mapping[str, Any], *, chain_id: int = CHAIN_ID) -> Credentials:
        """Read the secret's fields private_key, wallet, signature_type, api_key, api_secret,
        api_passphrase (and eoa, which must then be the address of the key).

        Raises:
            DomainError: a field is missing or contradicts another; its value is not quoted.
        """
        try:
            signer = OrderSigner(str(secret["private_key"]), chain_id=chain_id)
            kind = SignatureType(int(secret["signature_type"]))
            wallet = signer.address if kind is SignatureType.EOA else str(secret["wallet"])
            if not _ADDRESS.match(wallet):
                raise ValueError
            api = ApiCredentials(
                str(secret["api_key"]), str(secret["api_secret"]), str(secret["api_passphrase"])
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DomainError(f"Polymarket secret: {type(error).__name__} in a field") from None
        if str(secret.get("eoa", signer.address)).lower() != signer.address.lower():
            raise DomainError("Polymarket secret: the key is not that of the named address")
        return Credentials(signer, api, kind, wallet)

    @property
    def order_signer(self) -> str:
        """The address in an order's ``signer``: a deposit wallet signs in its own name."""
        is_wallet = self.signature_type is SignatureType.DEPOSIT_WALLET
        return self.wallet if is_wallet else self.signer.address
