# ruff: noqa: E501  (sentences of contract texts are kept whole)
"""Monthly look-alikes: two questions that read alike and can settle differently.

``why`` (the row's comment) names the one thing that separates them. Confirming any of
them is a false match. Texts are our own, in the manner of each venue.
"""

from __future__ import annotations

from typing import Final

from shared.simulators.questions import Kinship
from shared.simulators.standing_texts import K, P, Row

_CPI = "https://www.bls.gov/news.release/cpi.nr0.htm"
_BEA = "https://www.bea.gov/data/gdp/gross-domestic-product"
_AAA = "https://gasprices.aaa.com"
_USGS = "https://earthquake.usgs.gov/earthquakes/search"
_YES = 'This market will resolve to "Yes" if '
_ELSE = '. Otherwise, this market will resolve to "No".\n\n'

TRAPS: Final = (
    # strictly above 0.3 against 0.3 or more: a print of 0.3 splits them
    Row("core-cpi", Kinship.TRAP,
        K("KXCPICORE", "T0.3", "Will core CPI for {data_month} rise more than 0.3%?",
          "Above 0.3%",
          "If the monthly change of the seasonally adjusted core CPI for {data_month} is above 0.3%,"
          " according to the Bureau of Labor Statistics, then the market resolves to Yes.",
          "A change of exactly 0.3% resolves to No.",
          "Economics", "Bureau of Labor Statistics", _CPI, "greater", 0.3, has_maker_fee=True),
        P("core-cpi-0pt3-or-more", "Will core CPI for {data_month} rise 0.3% or more?",
          _YES + "the monthly change of the seasonally adjusted core CPI for {data_month} is 0.3% or"
          " more, according to the Bureau of Labor Statistics" + _ELSE + "The resolution source is"
          " the Bureau of Labor Statistics.", _CPI, ("Economy", "Inflation"), "economics_fees"),
        0.44),
    # leaving the office against announcing it
    Row("treasury-exit", Kinship.TRAP,
        K("KXCABOUT", "TREAS", "Will the Treasury Secretary leave office by {last_day}?",
          "Leaves by {last_day}",
          "If the Secretary of the Treasury ceases to hold the office by 23:59 UTC on {last_day},"
          " then the market resolves to Yes.",
          "An announcement alone does not count; the office must have been left by that time.",
          "Politics", "The White House", "https://www.whitehouse.gov/administration"),
        P("treasury-secretary-out", "Treasury Secretary out by {last_day}?",
          _YES + "the Secretary of the Treasury announces a resignation, is dismissed or otherwise"
          " leaves the office by 23:59 UTC on {last_day}" + _ELSE + "An announcement by that time"
          " immediately resolves this market to \"Yes\", whenever it takes effect.\n\nThe"
          " resolution source is the White House.", "https://www.whitehouse.gov/administration",
          ("Politics", "Cabinet"), "politics_fees", 40_000), 0.14),
    # another threshold
    Row("bitcoin-low", Kinship.TRAP,
        K("KXBTCMINM", "T82000", "Will Bitcoin trade below $82,000 in {month_year}?",
          "Below $82,000",
          "If any trade of BTC-USD on Coinbase is below $82,000 between the first and the last"
          " second of {month_year} (UTC), then the market resolves to Yes.",
          "A trade at exactly $82,000 does not count.", "Crypto", "Coinbase",
          "https://www.coinbase.com/advanced-trade/spot/BTC-USD", "less", None),
        P("bitcoin-below-80k", "Will Bitcoin trade below $80,000 in {month_year}?",
          _YES + "any trade of BTC-USD on Coinbase is lower than $80,000 between the first and the"
          " last second of {month_year} (UTC)" + _ELSE + "A trade at exactly $80,000 does not"
          " count.\n\nThe resolution source is Coinbase, BTC-USD.",
          "https://www.coinbase.com/advanced-trade/spot/BTC-USD", ("Crypto", "Bitcoin"),
          "crypto_fees_v2", 70_000), 0.27),
    # another price source
    Row("solana-close", Kinship.TRAP,
        K("KXSOLM", "T180", "Will Solana be above $180 at the end of {month_year}?",
          "Above $180",
          "If the CF Benchmarks SOL-USD Reference Rate at 17:00 UTC on {last_day} is above $180,"
          " then the market resolves to Yes.",
          "A value of exactly $180 resolves to No.", "Crypto", "CF Benchmarks",
          "https://www.cfbenchmarks.com/data/indices/SOLUSD_RR", "greater", 180),
        P("solana-above-180", "Solana above $180 at the end of {month_year}?",
          _YES + "the Binance 1 minute candle for SOL/USDT at 17:00 UTC on {last_day} has a close"
          " higher than $180" + _ELSE + "A close of exactly $180 resolves to \"No\".\n\nThe"
          " resolution source is Binance, SOL/USDT.", "https://www.binance.com/en/trade/SOL_USDT",
          ("Crypto", "Solana"), "crypto_fees_v2", 70_000), 0.49),
    # on the day against at any time until the day
    Row("gas-touch", Kinship.TRAP,
        K("KXGASON", "T3.3", "Will US gas prices be above $3.30 on {last_day}?",
          "Above $3.30",
          "If the national average price of regular gasoline on {last_day} is above $3.30,"
          " according to AAA, then the market resolves to Yes.",
          "Only the price shown for {last_day} counts.", "Economics", "AAA", _AAA, "greater", 3.3),
        P("gas-hits-3pt30", "Will US gas prices hit $3.30 by {last_day}?",
          _YES + "the national average price of regular gasoline is higher than $3.30 on any day by"
          " {last_day}, according to AAA" + _ELSE + "The resolution source is AAA.", _AAA,
          ("Economy", "Energy"), "economics_fees"), 0.31),
    # another station
    Row("rain-station", Kinship.TRAP,
        K("KXRAINLAXM", "T1.5", "Will it rain more than 1.5 inches in Los Angeles in {month_year}?",
          "Above 1.5 inches",
          "If the total precipitation at Los Angeles International Airport for {month_year} is above"
          " 1.5 inches, according to the National Weather Service, then the market resolves to Yes.",
          "A total of exactly 1.5 inches resolves to No.", "Climate and Weather",
          "National Weather Service", "https://www.weather.gov/wrh/climate?wfo=lox", "greater", 1.5),
        P("la-rain-above-1pt5", "More than 1.5 inches of rain in Los Angeles in {month_year}?",
          _YES + "the total precipitation at Downtown Los Angeles (USC) for {month_year} is higher"
          " than 1.5 inches, according to the National Weather Service" + _ELSE + "A total of exactly"
          " 1.5 inches resolves to \"No\".\n\nThe resolution source is the National Weather Service.",
          "https://www.weather.gov/wrh/climate?wfo=lox", ("Weather", "Los Angeles"),
          "weather_fees"), 0.4),
    # another month
    Row("shutdown-month", Kinship.TRAP,
        K("KXSHUTDOWN", "START", "Will a US government shutdown begin in {month_year}?",
          "Begins in {month_year}",
          "If a lapse of federal appropriations begins between the first and the last day of"
          " {month_year}, according to the Office of Personnel Management, then the market resolves"
          " to Yes.",
          "A lapse that began before does not count.", "Politics", "Office of Personnel Management",
          "https://www.opm.gov/status"),
        P("us-shutdown-begin", "Will a US government shutdown begin in {next_month}?",
          _YES + "a lapse of federal appropriations begins between the first and the last day of"
          " {next_month}, according to the Office of Personnel Management" + _ELSE + "A lapse that"
          " began before does not count.\n\nThe resolution source is the Office of Personnel"
          " Management.", "https://www.opm.gov/status", ("Politics", "Congress"), "politics_fees",
          40_000), 0.22),
    # postponed: last fair price against 50-50; draw clause differs too
    Row("derby", Kinship.TRAP,
        K("KXCUPTIE", "HARBOR", "Will Harbor City win the cup tie against Northgate in {month_year}?",
          "Harbor City",
          "If Harbor City wins the cup tie against Northgate in {month_year} after 90 minutes plus"
          " stoppage time, then the market resolves to Yes.",
          "Extra time and penalties do not count. If the match is postponed beyond {last_day}, the"
          " market resolves to the last fair market price.", "Sports", "Continental Cup",
          "https://continentalcup.example/results", has_maker_fee=True),
        P("harbor-city-advance", "Will Harbor City win the cup tie against Northgate in {month_year}?",
          _YES + "Harbor City wins the cup tie against Northgate in {month_year}, extra time and"
          " penalties included" + _ELSE + "If the match is postponed beyond {last_day}, this market"
          " will resolve 50-50.\n\nThe resolution source is the Continental Cup.",
          "https://continentalcup.example/results", ("Sports", "Soccer"), "sports_fees_v3"), 0.46),
    # another chart
    Row("album-chart", Kinship.TRAP,
        K("KXALBUM", "LANTERN", "Will Paper Lantern have the top album in {month_year}?",
          "Paper Lantern",
          "If an album of Paper Lantern is first on the Billboard 200 in any chart week dated in"
          " {month_year}, then the market resolves to Yes.",
          "The chart as first published is used.", "Entertainment", "Billboard",
          "https://www.billboard.com/charts/billboard-200"),
        P("paper-lantern-top-album", "Will Paper Lantern have the top album in {month_year}?",
          _YES + "an album of Paper Lantern is first on the Spotify Weekly Top Albums Global in any"
          " chart week dated in {month_year}" + _ELSE + "The resolution source is Spotify.",
          "https://charts.spotify.com", ("Culture", "Music"), "culture_fees"), 0.35),
    # at least two against more than two
    Row("earthquakes", Kinship.TRAP,
        K("KXQUAKEM", "T2", "Will there be at least 2 earthquakes of magnitude 7.0 in {month_year}?",
          "At least 2",
          "If at least 2 earthquakes of magnitude 7.0 or more occur in {month_year} (UTC), according"
          " to the USGS, then the market resolves to Yes.",
          "Exactly 2 resolves to Yes.", "World", "USGS", _USGS, "greater_or_equal", 2),
        P("more-than-2-earthquakes", "More than 2 earthquakes of magnitude 7.0 in {month_year}?",
          _YES + "more than 2 earthquakes of magnitude 7.0 or more occur in {month_year} (UTC),"
          " according to the USGS" + _ELSE + "Exactly 2 resolves to \"No\".\n\nThe resolution source"
          " is the USGS.", _USGS, ("World", "Science"), "zero_fees", 0), 0.28),
    # another poll average
    Row("congress-approval", Kinship.TRAP,
        K("KXCONGAPP", "T18", "Will approval of Congress be above 18% on {last_day}?",
          "Above 18%",
          "If the approval of the United States Congress on {last_day} is above 18%, according to"
          " Gallup, then the market resolves to Yes.",
          "The most recent value published by {last_day} is used.", "Politics", "Gallup",
          "https://news.gallup.com/poll/1600", "greater", 18),
        P("congress-approval-above-18", "Approval of Congress above 18% on {last_day}?",
          _YES + "the approval of the United States Congress on {last_day} is higher than 18%,"
          " according to RealClearPolitics" + _ELSE + "The resolution source is RealClearPolitics.",
          "https://www.realclearpolling.com/polls/approval/congress", ("Politics", "Polls"),
          "politics_fees", 40_000), 0.53),
    # advance estimate against any estimate
    Row("gdp", Kinship.TRAP,
        K("KXGDPM", "T2.5", "Will GDP growth be above 2.5% in the advance estimate of {month_year}?",
          "Above 2.5%",
          "If the advance estimate of real GDP growth published in {month_year} is above 2.5%,"
          " according to the Bureau of Economic Analysis, then the market resolves to Yes.",
          "Second and third estimates do not count. If no advance estimate is published in"
          " {month_year}, the market resolves to No.", "Economics", "Bureau of Economic Analysis",
          _BEA, "greater", 2.5, has_maker_fee=True),
        P("gdp-above-2pt5", "GDP growth above 2.5% in {month_year}?",
          _YES + "any estimate of real GDP growth published in {month_year} is higher than 2.5%,"
          " according to the Bureau of Economic Analysis" + _ELSE + "Advance, second and third"
          " estimates count.\n\nThe resolution source is the Bureau of Economic Analysis.", _BEA,
          ("Economy", "GDP"), "economics_fees"), 0.51),
)  # fmt: skip
