"""The trader's record in Postgres: intent before bytes, facts once, fenced (port Journal).

Two connections: one is kept for ``commit_envelope`` alone, so that an order never waits
behind a batch of samples; everything else goes over the other. A write's fencing check
holds the fencing row until its transaction ends (see 0001_rules.sql).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from psycopg import AsyncPipeline
from psycopg.rows import dict_row

from shared.adapters.stores.postgres_connection import Connection, WarmConnection
from shared.adapters.stores.postgres_reading import OPEN_QUERIES
from shared.adapters.stores.postgres_rows import Row, Statement, check, encode, shape_of, statements
from shared.domain.errors import JournalError, RowRefusedError
from shared.domain.ids import PackageId

_COMMIT_S: Final = 2.0
_WRITE_S: Final = 10.0
_FENCE: Final = "SELECT twinleg_assert_fencing(%s)"

_TAKE: Final = """
WITH taken AS (
    INSERT INTO fencing (id, number, holder, versions, taken_wall_ns)
    VALUES (1, %(epoch)s, %(holder)s, %(versions)s::jsonb, twinleg_now_ns())
    ON CONFLICT (id) DO UPDATE SET number = excluded.number, holder = excluded.holder,
        versions = excluded.versions, taken_wall_ns = excluded.taken_wall_ns
    WHERE fencing.number < excluded.number
    RETURNING number, holder, versions, taken_wall_ns
)
INSERT INTO fencing_history (number, holder, versions, taken_wall_ns)
SELECT number, holder, versions, taken_wall_ns FROM taken
"""
_CURRENT: Final = "SELECT number, holder FROM fencing WHERE id = 1"
_VOID: Final = """
UPDATE packages SET state = 'aborted', void_reason = %(reason)s,
    ended_wall_ns = twinleg_now_ns(), updated_wall_ns = twinleg_now_ns()
WHERE package_id = %(package)s AND ended_wall_ns IS NULL
"""


class PostgresJournal:
    """Port ``Journal`` over psycopg 3; open it, then keep one for the life of the trader.

    ``commit_timeout_s`` bounds a commit: past it the connection is cut and the envelope
    counts as not committed (recovery finds it if the database had it after all).
    """

    def __init__(
        self, dsn: str, *, commit_timeout_s: float = _COMMIT_S, write_timeout_s: float = _WRITE_S
    ) -> None:
        self._commit = WarmConnection(dsn, timeout_s=commit_timeout_s)
        self._write = WarmConnection(dsn, timeout_s=write_timeout_s)

    async def open(self) -> None:
        """Connect both and prepare the commit. Raises JournalError."""
        await self.ping()

    async def close(self) -> None:
        await self._commit.close()
        await self._write.close()

    async def ping(self) -> None:
        """Prove that both connections answer, opening them when needed. Raises JournalError."""
        for warm in (self._commit, self._write):
            await warm.run(_select_one)

    async def take_fencing(self, epoch: int, holder: str, versions: Mapping[str, str]) -> int:
        """Raise the number to ``epoch``; return the number that now stands.

        An answer above ``epoch`` means that it was not taken: take a lease with a higher
        epoch and come again. The same number held by somebody else answers ``epoch + 1``.
        """
        assert epoch > 0 and holder
        parameters = {"epoch": epoch, "holder": holder, "versions": encode(dict(versions))}

        async def work(connection: Connection) -> int:
            await connection.execute(_TAKE, parameters)
            cursor = await connection.execute(_CURRENT)
            row = await cursor.fetchone()
            assert row is not None
            number, owner = int(row[0]), str(row[1])
            return epoch + 1 if number == epoch and owner != holder else number

        return await self._write.run(work)

    async def commit_envelope(self, package: Row, attempts: Sequence[Row], fencing: int) -> None:
        """One statement, one round trip, one fsync: package, attempts, fencing check.

        Called again for the same package (an extension) it updates the package and adds the
        attempts that are new; those it has already keep what is known of them. A package that
        has ended is refused.
        """
        assert fencing > 0
        row = {**package, "fencing": fencing}
        check(shape_of("packages"), row)
        for attempt in attempts:
            check(shape_of("orders"), attempt)
        sql = _envelope_sql(frozenset(row), _common_columns(attempts))
        parameters = (fencing, encode(row), encode(list(attempts)))

        async def work(connection: Connection) -> None:
            cursor = await connection.execute(sql, parameters, prepare=True)
            stored = await cursor.fetchone()
            if stored is None or stored[0] != 1:
                raise RowRefusedError(
                    f"refused: package {package['package_id']} exists and is not open for it"
                )

        await self._commit.run(work)

    async def write(self, table: str, rows: Sequence[Row], fencing: int) -> None:
        await self.write_batch([(table, rows)], fencing)

    async def write_batch(self, batches: Sequence[tuple[str, Sequence[Row]]], fencing: int) -> None:
        assert fencing > 0
        work_list: list[Statement] = []
        for table, rows in batches:
            kept = [{**r, "fencing": fencing} for r in rows] if table == "packages" else rows
            work_list.extend(statements(table, kept))
        if not work_list:
            return

        async def work(connection: Connection) -> None:
            await _in_one_transaction(connection, fencing, work_list)

        await self._write.run(work)

    async def void_envelope(self, package: PackageId, reason: str, fencing: int) -> None:
        """Mark an envelope of which nothing was sent as over; repeating it changes nothing."""
        assert reason

        async def work(connection: Connection) -> None:
            async with connection.transaction():
                await connection.execute(_FENCE, [fencing])
                await connection.execute(_VOID, {"package": package, "reason": reason})

        await self._write.run(work)

    async def load_open(self) -> Mapping[str, Sequence[Row]]:
        """Return everything start-up needs, read in one snapshot; keys in ``OPEN_QUERIES``."""

        async def work(connection: Connection) -> dict[str, list[dict[str, Any]]]:
            loaded: dict[str, list[dict[str, Any]]] = {}
            async with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
                await cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                for name, query in OPEN_QUERIES.items():
                    await cursor.execute(query)
                    loaded[name] = await cursor.fetchall()
            return loaded

        return await self._write.run(work)


async def _select_one(connection: Connection) -> None:
    await connection.execute("SELECT 1")


async def _in_one_transaction(
    connection: Connection, fencing: int, work_list: Sequence[Statement]
) -> None:
    """Send everything at once (pipeline) and then look at the answers."""
    if not AsyncPipeline.is_supported():
        raise JournalError("database: this libpq has no pipeline mode")
    cursors = []
    async with connection.pipeline() as pipeline:
        await connection.execute("BEGIN")
        await connection.execute(_FENCE, [fencing])
        for statement in work_list:
            cursors.append(await connection.execute(statement.sql, [statement.rows]))
        if any(statement.must_match for statement in work_list):
            await pipeline.sync()  # a second round trip, for updates of part of a row only
        for statement, cursor in zip(work_list, cursors, strict=True):
            if statement.must_match and cursor.rowcount != statement.count:
                raise RowRefusedError(f"refused: {statement.sql.split()[1]} has no such row yet")
        await connection.execute("COMMIT")


def _common_columns(rows: Sequence[Row]) -> frozenset[str]:
    """Raises RowRefusedError when the attempts of an envelope differ in their columns."""
    if not rows:
        return shape_of("orders").required
    columns = frozenset(rows[0])
    if any(columns != row.keys() for row in rows):
        raise RowRefusedError("refused: the attempts of an envelope carry different columns")
    return columns


_envelope_statements: dict[tuple[frozenset[str], frozenset[str]], str] = {}


def _envelope_sql(package: frozenset[str], attempts: frozenset[str]) -> str:
    """Return the one statement of ``commit_envelope``, built once per set of columns.

    The attempts are inserted from the package's own answer, so that a refused package
    stores none of them.
    """
    known = _envelope_statements.get((package, attempts))
    if known is not None:
        return known
    p, o = ", ".join(sorted(package)), ", ".join(sorted(attempts))
    o_from_rows = ", ".join(f"r.{name}" for name in sorted(attempts))
    changes = ", ".join(f"{c} = excluded.{c}" for c in sorted(package - {"package_id"}))
    sql = (
        "WITH fence AS MATERIALIZED (SELECT twinleg_assert_fencing(%s) AS held),"  # noqa: S608
        f" stored AS (INSERT INTO packages ({p}) SELECT {p} FROM fence,"
        " jsonb_populate_record(NULL::packages, %s::jsonb) WHERE fence.held"
        f" ON CONFLICT (package_id) DO UPDATE SET {changes}"
        " WHERE packages.ended_wall_ns IS NULL"
        " RETURNING package_id),"
        f" added AS (INSERT INTO orders ({o}) SELECT {o_from_rows} FROM stored,"
        " jsonb_populate_recordset(NULL::orders, %s::jsonb) r"
        " ON CONFLICT (attempt_id) DO NOTHING)"
        " SELECT count(*) FROM stored"
    )
    _envelope_statements[(package, attempts)] = sql
    return sql
