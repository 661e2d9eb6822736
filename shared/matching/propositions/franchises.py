# ruff: noqa: E501  (patterns are kept whole)
"""Public names of league teams: city and nickname name the same franchise. Data only."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

_TEAMS: Final[dict[str, str]] = {
    "nba": "atlanta hawks,boston celtics,brooklyn nets,charlotte hornets,chicago bulls,cleveland cavaliers,dallas"
    " mavericks,denver nuggets,detroit pistons,golden state warriors,houston rockets,indiana pacers,los angeles"
    " clippers,los angeles lakers,memphis grizzlies,miami heat,milwaukee bucks,minnesota timberwolves,new orleans"
    " pelicans,new york knicks,oklahoma city thunder,orlando magic,philadelphia 76ers,phoenix suns,portland trail"
    " blazers,sacramento kings,san antonio spurs,toronto raptors,utah jazz,washington wizards",
    "wnba": "atlanta dream,chicago sky,connecticut sun,dallas wings,golden state valkyries,indiana fever,las vegas"
    " aces,los angeles sparks,minnesota lynx,new york liberty,phoenix mercury,portland fire,seattle storm,toronto"
    " tempo,washington mystics",
    "nhl": "anaheim ducks,boston bruins,buffalo sabres,calgary flames,carolina hurricanes,chicago blackhawks,colorado"
    " avalanche,columbus blue jackets,dallas stars,detroit red wings,edmonton oilers,florida panthers,los angeles"
    " kings,minnesota wild,montreal canadiens,nashville predators,new jersey devils,new york islanders,new york"
    " rangers,ottawa senators,philadelphia flyers,pittsburgh penguins,san jose sharks,seattle kraken,st louis"
    " blues,tampa bay lightning,toronto maple leafs,utah mammoth,vancouver canucks,vegas golden knights,washington"
    " capitals,winnipeg jets",
    "mlb": "arizona diamondbacks,athletics athletics,atlanta braves,baltimore orioles,boston red sox,chicago cubs,chicago white"
    " sox,cincinnati reds,cleveland guardians,colorado rockies,detroit tigers,houston astros,kansas city royals,los"
    " angeles angels,los angeles dodgers,miami marlins,milwaukee brewers,minnesota twins,new york mets,new york"
    " yankees,philadelphia phillies,pittsburgh pirates,san diego padres,san francisco giants,seattle mariners,st"
    " louis cardinals,tampa bay rays,texas rangers,toronto blue jays,washington nationals",
    "nfl": "arizona cardinals,atlanta falcons,baltimore ravens,buffalo bills,carolina panthers,chicago bears,cincinnati"
    " bengals,cleveland browns,dallas cowboys,denver broncos,detroit lions,green bay packers,houston texans,"
    "indianapolis colts,jacksonville jaguars,kansas city chiefs,las vegas raiders,los angeles chargers,los angeles"
    " rams,miami dolphins,minnesota vikings,new england patriots,new orleans saints,new york giants,new york jets,"
    "philadelphia eagles,pittsburgh steelers,san francisco 49ers,seattle seahawks,tampa bay buccaneers,tennessee"
    " titans,washington commanders",
}

_BY_WORD: Final[dict[str, set[frozenset[str]]]] = defaultdict(set)
for _names in _TEAMS.values():
    for _name in _names.split(","):
        _words = frozenset(_name.split())
        for _word in _words:
            _BY_WORD[_word].add(_words)


def are_one_franchise(a: frozenset[str], b: frozenset[str]) -> bool:
    """Say whether some team's full name holds all words of both, a city and a nickname.

    A single trailing letter in ``a`` or ``b`` ("Los Angeles L") must begin the nickname.
    A city that has several teams of one league is only accepted with such a letter or
    with the nickname on both sides: the caller passes what the text says.
    """
    letters = {w for w in a | b if len(w) == 1}
    a, b = a - letters, b - letters
    if not a or not b:
        return False
    union = a | b
    for candidate in _BY_WORD.get(next(iter(b)), ()):
        if union <= candidate and all(any(w.startswith(x) for w in candidate) for x in letters):
            return True
    return False


def nicknames(word: str) -> frozenset[str]:
    """Return the words that name the same franchises as a city or nickname does."""
    found = {w for team in _BY_WORD.get(word, ()) for w in team}
    return frozenset(found) if len(found) <= 12 else frozenset()


def is_only_team(few: frozenset[str], more: frozenset[str], league: str) -> bool:
    """Say whether ``few`` (a city) leaves one team of the league, and ``more`` names it."""
    teams = [frozenset(name.split()) for name in _TEAMS.get(league, "").split(",")]
    fitting = [team for team in teams if few <= team]
    return len(fitting) == 1 and few | more <= fitting[0]


def leagues_of(names: frozenset[str]) -> frozenset[str]:
    """Return the leagues in which some team's full name stands among ``names``."""
    return frozenset(
        league
        for league, teams in _TEAMS.items()
        if any(frozenset(name.split()) <= names for name in teams.split(","))
    )
