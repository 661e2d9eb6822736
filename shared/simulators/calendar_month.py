"""A calendar month in the words of market texts; UTC."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime

from shared.domain.units import NS_PER_S


@dataclass(frozen=True, slots=True)
class Month:
    year: int
    month: int

    @staticmethod
    def at(ns: int) -> Month:
        moment = datetime.fromtimestamp(ns // NS_PER_S, tz=UTC)
        return Month(moment.year, moment.month)

    @property
    def start_ns(self) -> int:
        return int(datetime(self.year, self.month, 1, tzinfo=UTC).timestamp()) * NS_PER_S

    @property
    def end_ns(self) -> int:
        """First instant of the next month."""
        return self.next.start_ns

    @property
    def next(self) -> Month:
        return Month(self.year + self.month // 12, self.month % 12 + 1)

    @property
    def previous(self) -> Month:
        return Month(self.year - (self.month == 1), (self.month - 2) % 12 + 1)

    @property
    def words(self) -> dict[str, str]:
        """Return the fields that texts may name."""
        last = calendar.monthrange(self.year, self.month)[1]
        name = calendar.month_name[self.month]
        return {
            "month": name,
            "year": str(self.year),
            "month_year": f"{name} {self.year}",
            "last_day": f"{name} {last}, {self.year}",
            "mid_day": f"{name} 15, {self.year}",
            "data_month": f"{calendar.month_name[self.previous.month]} {self.previous.year}",
            "next_month": f"{calendar.month_name[self.next.month]} {self.next.year}",
            "tag": f"{self.year % 100:02d}{calendar.month_abbr[self.month].upper()}",
            "slug": f"{name.lower()}-{self.year}",
        }
