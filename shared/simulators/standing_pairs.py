# ruff: noqa: E501  (sentences of contract texts are kept whole)
"""Monthly questions that both venues ask with the same meaning; two of them inverted.

Texts are our own, in the manner of each venue; thresholds, comparisons, sources, dates
and the clauses for missing data agree, so that the pair can be proven from them.
"""

from __future__ import annotations

from typing import Final

from shared.simulators.questions import Kinship
from shared.simulators.standing_texts import K, P, Row

_BLS = "https://www.bls.gov/news.release/empsit.nr0.htm"
_CPI = "https://www.bls.gov/news.release/cpi.nr0.htm"
_BTC = "https://www.coinbase.com/advanced-trade/spot/BTC-USD"
_ETH = "https://www.coinbase.com/advanced-trade/spot/ETH-USD"
_NWS = "https://www.weather.gov/wrh/climate?wfo=okx"
_UN = "https://press.un.org/en/content/security-council/meetings-coverage"
_YES = 'This market will resolve to "Yes" if '
_ELSE = '. Otherwise, this market will resolve to "No".\n\n'

PAIRS: Final = (
    Row("unemployment", Kinship.PAIR,
        K("KXU3", "T4.3", "Will the unemployment rate for {data_month} be above 4.3%?",
          "Above 4.3%",
          "If the seasonally adjusted U-3 unemployment rate for {data_month} is above 4.3%,"
          " according to the Bureau of Labor Statistics, then the market resolves to Yes.",
          "A rate of exactly 4.3% resolves to No. The first published value is used; later"
          " revisions are not considered. If no value is published by {last_day}, the market"
          " resolves to No.",
          "Economics", "Bureau of Labor Statistics", _BLS, "greater", 4.3, has_maker_fee=True),
        P("unemployment-rate-above-4pt3", "Will the unemployment rate for {data_month} be above 4.3%?",
          _YES + "the seasonally adjusted U-3 unemployment rate for {data_month} is higher than"
          " 4.3%, according to the Bureau of Labor Statistics" + _ELSE +
          "A rate of exactly 4.3% resolves to \"No\". The first published value will be used;"
          " later revisions will not be considered. If no value is published by {last_day}, this"
          " market will resolve to \"No\".\n\nThe resolution source is the Bureau of Labor"
          " Statistics.", _BLS, ("Economy", "Jobs"), "economics_fees"), 0.42),
    Row("cpi-yoy", Kinship.PAIR,
        K("KXCPIYOY", "T2.9", "Will CPI inflation for the year ending {data_month} be above 2.9%?",
          "Above 2.9%",
          "If the twelve-month increase of the Consumer Price Index (CPI-U, all items, not"
          " seasonally adjusted) for {data_month} is above 2.9%, according to the Bureau of Labor"
          " Statistics, then the market resolves to Yes.",
          "An increase of exactly 2.9% resolves to No. The first published value is used. If no"
          " value is published by {last_day}, the market resolves to No.",
          "Economics", "Bureau of Labor Statistics", _CPI, "greater", 2.9, has_maker_fee=True),
        P("cpi-yoy-above-2pt9", "Will annual CPI inflation for {data_month} be above 2.9%?",
          _YES + "the twelve-month increase of the Consumer Price Index (CPI-U, all items, not"
          " seasonally adjusted) for {data_month} is higher than 2.9%, according to the Bureau of"
          " Labor Statistics" + _ELSE + "An increase of exactly 2.9% resolves to \"No\". The first"
          " published value will be used. If no value is published by {last_day}, this market will"
          " resolve to \"No\".\n\nThe resolution source is the Bureau of Labor Statistics.",
          _CPI, ("Economy", "Inflation"), "economics_fees"), 0.57),
    Row("payrolls", Kinship.PAIR,
        K("KXPAYROLLS", "T100000", "Will payrolls for {data_month} rise by more than 100,000?",
          "Above 100,000",
          "If total nonfarm payroll employment for {data_month} rose by more than 100,000 jobs,"
          " according to the Bureau of Labor Statistics, then the market resolves to Yes.",
          "A rise of exactly 100,000 resolves to No. The first published value is used. If no value"
          " is published by {last_day}, the market resolves to No.",
          "Economics", "Bureau of Labor Statistics", _BLS, "greater", 100000, has_maker_fee=True),
        P("payrolls-above-100k", "Will nonfarm payrolls for {data_month} rise by more than 100,000?",
          _YES + "total nonfarm payroll employment for {data_month} rose by more than 100,000 jobs,"
          " according to the Bureau of Labor Statistics" + _ELSE + "A rise of exactly 100,000"
          " resolves to \"No\". The first published value will be used. If no value is published by"
          " {last_day}, this market will resolve to \"No\".\n\nThe resolution source is the Bureau"
          " of Labor Statistics.", _BLS, ("Economy", "Jobs"), "economics_fees"), 0.38),
    Row("bitcoin-high", Kinship.PAIR,
        K("KXBTCMAXM", "T108000", "Will Bitcoin trade above $108,000 in {month_year}?",
          "Above $108,000",
          "If any trade of BTC-USD on Coinbase is above $108,000 between the first and the last"
          " second of {month_year} (UTC), then the market resolves to Yes.",
          "A trade at exactly $108,000 does not count. Trades that Coinbase cancels do not count.",
          "Crypto", "Coinbase", _BTC, "greater", 108000),
        P("bitcoin-above-108k", "Will Bitcoin trade above $108,000 in {month_year}?",
          _YES + "any trade of BTC-USD on Coinbase is higher than $108,000 between the first and the"
          " last second of {month_year} (UTC)" + _ELSE + "A trade at exactly $108,000 does not"
          " count. Trades that Coinbase cancels do not count.\n\nThe resolution source is Coinbase,"
          " BTC-USD.", _BTC, ("Crypto", "Bitcoin"), "crypto_fees_v2", 70_000), 0.24),
    Row("ether-close", Kinship.PAIR,
        K("KXETHM", "T3500", "Will Ethereum be above $3,500 at the end of {month_year}?",
          "Above $3,500",
          "If the last trade of ETH-USD on Coinbase before 23:00 UTC on {last_day} is above $3,500,"
          " then the market resolves to Yes.",
          "A price of exactly $3,500 resolves to No.",
          "Crypto", "Coinbase", _ETH, "greater", 3500),
        P("ethereum-above-3500", "Ethereum above $3,500 at the end of {month_year}?",
          _YES + "the last trade of ETH-USD on Coinbase before 23:00 UTC on {last_day} is higher than"
          " $3,500" + _ELSE + "A price of exactly $3,500 resolves to \"No\".\n\nThe resolution source"
          " is Coinbase, ETH-USD.", _ETH, ("Crypto", "Ethereum"), "crypto_fees_v2", 70_000), 0.36),
    Row("rain-central-park", Kinship.PAIR,
        K("KXRAINNYCM", "T3.5", "Will it rain more than 3.5 inches in New York City in {month_year}?",
          "Above 3.5 inches",
          "If the total precipitation at Central Park, New York, for {month_year} is above 3.5"
          " inches, according to the National Weather Service, then the market resolves to Yes.",
          "The Climatological Report (Monthly) is used. A total of exactly 3.5 inches resolves to No.",
          "Climate and Weather", "National Weather Service", _NWS, "greater", 3.5),
        P("nyc-rain-above-3pt5", "More than 3.5 inches of rain in New York City in {month_year}?",
          _YES + "the total precipitation at Central Park, New York, for {month_year} is higher than"
          " 3.5 inches, according to the National Weather Service" + _ELSE + "The Climatological"
          " Report (Monthly) will be used. A total of exactly 3.5 inches resolves to \"No\".\n\nThe"
          " resolution source is the National Weather Service.", _NWS, ("Weather", "New York City"),
          "weather_fees"), 0.52),
    Row("premier-top", Kinship.PAIR,
        K("KXPREMTOP", "ARS", "Will Arsenal lead the Premier League table at the end of {month_year}?",
          "Arsenal",
          "If Arsenal stands first in the Premier League table at 23:59 UTC on {last_day}, according"
          " to the Premier League, then the market resolves to Yes.",
          "The table as published at that time is used, points, goal difference and goals scored"
          " included. Later deductions do not change the result.",
          "Sports", "Premier League", "https://www.premierleague.com/tables", has_maker_fee=True),
        P("arsenal-top", "Will Arsenal be top of the Premier League at the end of {month_year}?",
          _YES + "Arsenal stands first in the Premier League table at 23:59 UTC on {last_day},"
          " according to the Premier League" + _ELSE + "The table as published at that time will be"
          " used, points, goal difference and goals scored included. Later deductions do not change"
          " the result.\n\nThe resolution source is the Premier League.",
          "https://www.premierleague.com/tables", ("Sports", "Soccer"), "sports_fees_v3"), 0.61),
    Row("model-arena", Kinship.PAIR,
        K("KXTOPMODEL", "GOOG", "Will Google have the top text model at the end of {month_year}?",
          "Google",
          "If the model ranked first by score on the LMArena text leaderboard at 17:00 UTC on"
          " {last_day} is by Google, then the market resolves to Yes.",
          "If several models share the highest score, the organisation that is first in the"
          " alphabet counts as first.",
          "Science and Technology", "LMArena", "https://lmarena.ai/leaderboard/text"),
        P("google-top-model", "Will Google have the best text model at the end of {month_year}?",
          _YES + "the model ranked first by score on the LMArena text leaderboard at 17:00 UTC on"
          " {last_day} is by Google" + _ELSE + "If several models share the highest score, the"
          " organisation that is first in the alphabet counts as first.\n\nThe resolution source is"
          " LMArena.", "https://lmarena.ai/leaderboard/text", ("Tech", "AI"), "tech_fees", 40_000),
        0.47),
    Row("approval", Kinship.PAIR,
        K("KXAPPROVE", "T42", "Will presidential approval be above 42% on {last_day}?",
          "Above 42.0%",
          "If the approval of the President of the United States on {last_day} is above 42.0%,"
          " according to Silver Bulletin, then the market resolves to Yes.",
          "A value of exactly 42.0% resolves to No. The value shown for {last_day} at 15:00 UTC of"
          " the following day is used.",
          "Politics", "Silver Bulletin", "https://www.natesilver.net/p/approval", "greater", 42.0),
        P("approval-above-42", "Presidential approval above 42% on {last_day}?",
          _YES + "the approval of the President of the United States on {last_day} is higher than"
          " 42.0%, according to Silver Bulletin" + _ELSE + "A value of exactly 42.0% resolves to"
          " \"No\". The value shown for {last_day} at 15:00 UTC of the following day will be"
          " used.\n\nThe resolution source is Silver Bulletin.",
          "https://www.natesilver.net/p/approval", ("Politics", "Polls"), "politics_fees", 40_000),
        0.33),
    Row("security-council", Kinship.PAIR,
        K("KXUNSC", "SUDAN", "Will the UN Security Council adopt a resolution on Sudan in {month_year}?",
          "Resolution on Sudan",
          "If the United Nations Security Council adopts a resolution on Sudan between the first and"
          " the last day of {month_year} (New York time), according to the United Nations, then the"
          " market resolves to Yes.",
          "Presidential statements do not count. A vetoed draft does not count.",
          "World", "United Nations", _UN),
        P("unsc-sudan", "UN Security Council resolution on Sudan in {month_year}?",
          _YES + "the United Nations Security Council adopts a resolution on Sudan between the first"
          " and the last day of {month_year} (New York time), according to the United Nations" + _ELSE
          + "Presidential statements do not count. A vetoed draft does not count.\n\nThe resolution"
          " source is the United Nations.", _UN, ("Geopolitics", "World"), "", 0), 0.29),
    Row("gas-price", Kinship.INVERSE,
        K("KXAAAGASM", "T3.1", "Will US gas prices be above $3.10 on {last_day}?",
          "Above $3.10",
          "If the national average price of regular gasoline on {last_day} is above $3.10,"
          " according to AAA, then the market resolves to Yes.",
          "A price of exactly $3.10 resolves to No.",
          "Economics", "AAA", "https://gasprices.aaa.com", "greater", 3.1),
        P("gas-at-most-3pt10", "Will US gas prices be $3.10 or lower on {last_day}?",
          _YES + "the national average price of regular gasoline on {last_day} is $3.10 or lower,"
          " according to AAA" + _ELSE + "A price of exactly $3.10 resolves to \"Yes\".\n\nThe"
          " resolution source is AAA.", "https://gasprices.aaa.com", ("Economy", "Energy"),
          "economics_fees"), 0.45),
    Row("measles", Kinship.PAIR,
        K("KXMEASLESM", "T50", "Will more than 50 measles cases be reported for {month_year}?",
          "Above 50",
          "If the number of confirmed measles cases in the United States with a rash onset in"
          " {month_year} is above 50 on {last_day}, according to the Centers for Disease Control"
          " and Prevention, then the market resolves to Yes.",
          "A number of exactly 50 resolves to No.",
          "Health", "Centers for Disease Control and Prevention",
          "https://www.cdc.gov/measles/data-research", "greater", 50),
        P("measles-above-50", "More than 50 US measles cases in {month_year}?",
          _YES + "the number of confirmed measles cases in the United States with a rash onset in"
          " {month_year} is higher than 50 on {last_day}, according to the Centers for Disease"
          " Control and Prevention" + _ELSE + "A number of exactly 50 resolves to \"No\".\n\nThe"
          " resolution source is the Centers for Disease Control and Prevention.",
          "https://www.cdc.gov/measles/data-research", ("Health", "Science")), 0.64),
)  # fmt: skip
