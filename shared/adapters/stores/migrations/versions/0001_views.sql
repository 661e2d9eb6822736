-- The core tables of the specification's data model under its own column names and units:
-- prices in dollars per contract, quantities in contracts, fees in dollars, edges and
-- slippage in cents per contract, scores in [0, 1], instants with time zone.

CREATE FUNCTION twinleg_units(micros bigint) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
    SELECT trim_scale(round(micros::numeric / 1000000, 6))
$$;

CREATE FUNCTION twinleg_cents(micros bigint) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
    SELECT trim_scale(round(micros::numeric / 10000, 4))
$$;

-- Zero nanoseconds mean unknown.
CREATE FUNCTION twinleg_instant(ns bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT timestamptz 'epoch' + nullif(ns, 0) / 1000 * interval '1 microsecond'
$$;

CREATE VIEW v_markets AS
SELECT id, venue, ticker_or_token, title, resolution_source,
    twinleg_instant(close_time_ns) AS close_time, category, binary_flag
FROM markets;

CREATE VIEW v_events AS
SELECT id, venue, slug_or_ticker, title,
    twinleg_instant(start_time_ns) AS start_time, twinleg_instant(end_time_ns) AS end_time
FROM events;

CREATE VIEW v_market_pairs AS
SELECT id, market_a_id, market_b_id, twinleg_units(llm_score_ppm) AS llm_score,
    rules_passed, active_flag
FROM market_pairs;

CREATE VIEW v_orderbooks AS
SELECT id, market_id, twinleg_instant(ts_ns) AS ts,
    twinleg_units(bid_px_micros) AS bid_px, twinleg_units(bid_sz_micros) AS bid_sz,
    twinleg_units(ask_px_micros) AS ask_px, twinleg_units(ask_sz_micros) AS ask_sz,
    lvl2 AS lvl2_json
FROM orderbooks;

CREATE VIEW v_edges AS
SELECT id, pair_id, twinleg_instant(ts_ns) AS ts,
    twinleg_cents(net_edge_micros) AS net_edge_cents, leader,
    twinleg_units(signal_conf_ppm) AS signal_conf, fee_rev_hash
FROM edges;

CREATE VIEW v_orders AS
SELECT attempt_id AS id, venue, market_id, side, twinleg_units(px_limit_micros) AS px,
    twinleg_units(qty_micros) AS qty, twinleg_instant(ts_sent_ns) AS ts_sent,
    twinleg_instant(ts_ack_ns) AS ts_ack, state AS status
FROM orders;

CREATE VIEW v_positions AS
SELECT venue || '/' || market_id AS id, venue, market_id,
    twinleg_units(qty_yes_micros) AS qty_yes, twinleg_units(qty_no_micros) AS qty_no,
    twinleg_units(avg_px_yes_micros) AS avg_px_yes, twinleg_units(avg_px_no_micros) AS avg_px_no
FROM positions;

CREATE VIEW v_fills AS
SELECT fill_key AS id, order_id, twinleg_units(px_micros) AS px,
    twinleg_units(qty_micros) AS qty, twinleg_instant(ts_fill_ns) AS ts_fill,
    twinleg_units(fee_usd_micros) AS fee, twinleg_cents(slippage_micros) AS slippage_cents
FROM fills;

CREATE VIEW v_configs AS
SELECT entry.key, entry.value AS val, version, twinleg_instant(ts_ns) AS ts
FROM configs, jsonb_each(document) AS entry;
