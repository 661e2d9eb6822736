# ruff: noqa: E501  (sentences of contract texts are kept whole)
"""Monthly questions that only one of the venues asks."""

from __future__ import annotations

from typing import Final

from shared.simulators.questions import Kinship
from shared.simulators.standing_texts import K, P, Row


def _k(
    name: str, series: str, suffix: str, claim: str, category: str, source: str, url: str,
    chance: float,
) -> Row:  # fmt: skip
    """A Kalshi question whose title, label and rule follow from one claim."""
    return Row(
        name,
        Kinship.SINGLE,
        K(
            series,
            suffix,
            f"Will {claim} in {{month_year}}?",
            claim[0].upper() + claim[1:],
            f"If {claim} in {{month_year}}, according to {source}, then the market resolves to Yes.",
            "If the source publishes nothing by the end of the month, the market resolves to No.",
            category,
            source,
            url,
        ),
        None,
        chance,
    )


def _p(
    name: str, claim: str, source: str, url: str, tags: tuple[str, ...], fee_type: str, rate: int,
    chance: float,
) -> Row:  # fmt: skip
    """A Polymarket question whose text follows from one claim; tick 0.001."""
    return Row(
        name,
        Kinship.SINGLE,
        None,
        P(
            name,
            f"Will {claim} in {{month_year}}?",
            f'This market will resolve to "Yes" if {claim} in {{month_year}}. Otherwise, this market'
            f' will resolve to "No".\n\nThe resolution source is {source}.',
            url,
            tags,
            fee_type,
            rate,
            1_000,
        ),
        chance,
    )


KALSHI_SINGLES: Final = (
    _k("tsa", "KXTSAM", "T2600", "the TSA screen more than 2,600,000 passengers on average",
       "World", "Transportation Security Administration", "https://www.tsa.gov/travel/passenger-volumes", 0.44),
    _k("mortgage", "KXMORTGAGEM", "T6.5", "the 30-year mortgage rate exceed 6.5%", "Financials",
       "Freddie Mac", "https://www.freddiemac.com/pmms", 0.18),
    _k("launches", "KXLAUNCHM", "T14", "more than 14 orbital launches succeed",
       "Science and Technology", "Spaceflight Now", "https://spaceflightnow.com/launch-log", 0.66),
    _k("box-office", "KXBOXM", "SALT", "The Salt Road gross more than $80,000,000", "Entertainment",
       "Box Office Mojo", "https://www.boxofficemojo.com", 0.39),
    _k("flu", "KXFLUM", "HIGH", "the CDC rate flu activity in New York as high", "Health",
       "Centers for Disease Control and Prevention", "https://www.cdc.gov/fluview", 0.58),
    _k("snow-denver", "KXSNOWDEN", "T6", "Denver receive more than 6 inches of snow",
       "Climate and Weather", "National Weather Service", "https://www.weather.gov/bou", 0.47),
    _k("nhl-goals", "KXNHLG", "T12", "any player score more than 12 goals", "Sports",
       "National Hockey League", "https://www.nhl.com/stats", 0.34),
    _k("senate-vote", "KXSENVOTE", "BUDGET", "the Senate pass a budget resolution", "Politics",
       "Congress.gov", "https://www.congress.gov", 0.25),
    _k("housing", "KXHOUSEM", "T1350", "housing starts exceed 1,350,000 at an annual rate",
       "Economics", "Census Bureau", "https://www.census.gov/construction/nrc", 0.49),
)  # fmt: skip

POLYMARKET_SINGLES: Final = (
    _p("eth-etf-inflow", "spot Ethereum funds have net inflows of more than $1 billion",
       "Farside Investors", "https://farside.co.uk/eth", ("Crypto", "ETF"), "crypto_fees_v2", 70_000, 0.41),
    _p("chess-title", "a player under 20 win a classical super-tournament", "FIDE",
       "https://ratings.fide.com", ("Sports", "Chess"), "sports_fees_v3", 50_000, 0.23),
    _p("eurovision-host", "a host city be announced for the next Eurovision", "EBU",
       "https://eurovision.tv", ("Culture", "Music"), "culture_fees", 50_000, 0.62),
    _p("ecb-speech", "the ECB president say the word transitory in a press conference",
       "European Central Bank", "https://www.ecb.europa.eu/press", ("Mentions", "Economy"),
       "mentions_fees", 40_000, 0.12),
    _p("uk-by-election", "a by-election be called in the United Kingdom", "UK Parliament",
       "https://www.parliament.uk", ("Politics", "UK"), "politics_fees", 40_000, 0.55),
    _p("starship-flight", "a Starship reach orbit", "SpaceX", "https://www.spacex.com/launches",
       ("Tech", "Space"), "tech_fees", 40_000, 0.31),
    _p("hurricane-named", "a named storm form in the Atlantic", "National Hurricane Center",
       "https://www.nhc.noaa.gov", ("Weather", "Hurricanes"), "weather_fees", 50_000, 0.38),
    _p("border-talks", "foreign ministers of Peru and Chile sign a border treaty",
       "official statements of both ministries", "https://www.gob.pe/rree", ("Geopolitics", "World"),
       "", 0, 0.09),
    _p("ipo-week", "a company raise more than $2 billion in a US initial public offering",
       "Nasdaq", "https://www.nasdaq.com/market-activity/ipos", ("Finance", "IPO"),
       "finance_prices_fees", 40_000, 0.27),
)  # fmt: skip
