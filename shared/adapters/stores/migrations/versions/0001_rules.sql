-- Rules that hold whoever writes. Error codes: TW001 a higher fencing number exists,
-- TW002 the number was never taken, TW003 an insert-only row would change,
-- TW004 the postings of a transaction do not sum to zero.

CREATE FUNCTION twinleg_now_ns() RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT (extract(epoch FROM clock_timestamp()) * 1000000000)::bigint
$$;

-- Holds the fencing row in share mode until the transaction ends, so that a successor's
-- raise waits for writes that were checked before it and refuses every one after it.
CREATE FUNCTION twinleg_assert_fencing(ours bigint) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    highest bigint;
BEGIN
    SELECT number INTO highest FROM fencing WHERE id = 1 FOR SHARE;
    IF highest > ours THEN
        RAISE EXCEPTION 'fencing number % is over: % has taken over', ours, highest
            USING ERRCODE = 'TW001';
    END IF;
    IF highest IS NULL OR highest < ours THEN
        RAISE EXCEPTION 'fencing number % was never taken (highest: %)', ours, highest
            USING ERRCODE = 'TW002';
    END IF;
    RETURN true;
END
$$;

CREATE FUNCTION twinleg_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is insert-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'TW003';
END
$$;

CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON fills
    FOR EACH STATEMENT EXECUTE FUNCTION twinleg_refuse_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON fill_states
    FOR EACH STATEMENT EXECUTE FUNCTION twinleg_refuse_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_postings
    FOR EACH STATEMENT EXECUTE FUNCTION twinleg_refuse_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payouts
    FOR EACH STATEMENT EXECUTE FUNCTION twinleg_refuse_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON configs
    FOR EACH STATEMENT EXECUTE FUNCTION twinleg_refuse_change();

CREATE FUNCTION twinleg_check_transaction() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    total numeric;
BEGIN
    SELECT sum(usd_micros) INTO total FROM ledger_postings WHERE txn_id = NEW.txn_id;
    IF total <> 0 THEN
        RAISE EXCEPTION 'postings of transaction % sum to % micro-dollars, not 0',
            NEW.txn_id, total USING ERRCODE = 'TW004';
    END IF;
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER sums_to_zero AFTER INSERT ON ledger_postings
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION twinleg_check_transaction();

-- Every change of a verdict is kept, and raises the version of the pair set.
INSERT INTO pair_set (id, version) VALUES (1, 0);

CREATE FUNCTION twinleg_note_pair() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT'
        OR (OLD.verdict, OLD.polarity, OLD.rules_hash_a, OLD.rules_hash_b)
            IS DISTINCT FROM (NEW.verdict, NEW.polarity, NEW.rules_hash_a, NEW.rules_hash_b)
    THEN
        INSERT INTO market_pair_history
            (pair_id, verdict, polarity, rules_hash_a, rules_hash_b, actor, reason, at_ns)
        VALUES (NEW.id, NEW.verdict, NEW.polarity, NEW.rules_hash_a, NEW.rules_hash_b,
            NEW.actor, NEW.reason, NEW.updated_ns);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER note_pair AFTER INSERT OR UPDATE ON market_pairs
    FOR EACH ROW EXECUTE FUNCTION twinleg_note_pair();
