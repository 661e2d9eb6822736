-- The tables of the record as of revision 0001. Frozen: later changes are later revisions.

CREATE TABLE events (
    id TEXT NOT NULL,
    venue TEXT NOT NULL,
    slug_or_ticker TEXT NOT NULL,
    title TEXT NOT NULL,
    start_time_ns BIGINT,
    end_time_ns BIGINT,
    last_seen_ns BIGINT NOT NULL,
    CONSTRAINT events_pkey PRIMARY KEY (id)
);

CREATE TABLE markets (
    id TEXT NOT NULL,
    venue TEXT NOT NULL,
    ticker_or_token TEXT NOT NULL,
    title TEXT NOT NULL,
    event_id TEXT NOT NULL,
    event_title TEXT NOT NULL,
    question TEXT NOT NULL,
    outcome_label TEXT NOT NULL,
    rules_text TEXT NOT NULL,
    rules_hash TEXT NOT NULL,
    resolution_source TEXT NOT NULL,
    settlement_source TEXT NOT NULL,
    category TEXT NOT NULL,
    series_id TEXT NOT NULL,
    tags JSONB DEFAULT '[]'::jsonb NOT NULL,
    binary_flag BOOLEAN NOT NULL,
    status TEXT NOT NULL,
    close_time_ns BIGINT NOT NULL,
    settle_expected_ns BIGINT NOT NULL,
    settle_worst_ns BIGINT NOT NULL,
    grid JSONB DEFAULT '[]'::jsonb NOT NULL,
    qty_step_micros BIGINT NOT NULL,
    min_qty_micros BIGINT NOT NULL,
    min_notional_usd_micros BIGINT NOT NULL,
    fees JSONB DEFAULT '{}'::jsonb NOT NULL,
    taker_delay_ns BIGINT NOT NULL,
    shard SMALLINT DEFAULT 0 NOT NULL,
    yes_token TEXT NOT NULL,
    no_token TEXT NOT NULL,
    neg_risk BOOLEAN DEFAULT false NOT NULL,
    tradeable BOOLEAN DEFAULT false NOT NULL,
    refusal TEXT NOT NULL,
    raw JSONB DEFAULT '{}'::jsonb NOT NULL,
    first_seen_ns BIGINT NOT NULL,
    last_seen_ns BIGINT NOT NULL,
    CONSTRAINT markets_pkey PRIMARY KEY (id)
);
CREATE INDEX ix_markets_venue_status ON markets (venue, status);

CREATE TABLE market_pairs (
    id TEXT NOT NULL,
    market_a_id TEXT NOT NULL,
    market_b_id TEXT NOT NULL,
    polarity TEXT NOT NULL,
    verdict TEXT NOT NULL,
    active_flag BOOLEAN GENERATED ALWAYS AS (verdict = 'confirmed') STORED,
    llm_score_ppm BIGINT NOT NULL,
    rules_passed BOOLEAN DEFAULT false NOT NULL,
    evidence JSONB DEFAULT '[]'::jsonb NOT NULL,
    rules_hash_a TEXT NOT NULL,
    rules_hash_b TEXT NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT DEFAULT '' NOT NULL,
    name TEXT NOT NULL,
    category TEXT DEFAULT '' NOT NULL,
    series_id TEXT DEFAULT '' NOT NULL,
    settlement_source TEXT DEFAULT '' NOT NULL,
    created_ns BIGINT NOT NULL,
    updated_ns BIGINT NOT NULL,
    CONSTRAINT market_pairs_pkey PRIMARY KEY (id),
    CONSTRAINT ck_market_pairs_polarity_known CHECK (polarity IN ('same', 'inverse')),
    CONSTRAINT ck_market_pairs_verdict_known CHECK (verdict IN ('confirmed', 'review', 'rejected', 'blocked', 'deactivated'))
);
CREATE INDEX ix_market_pairs_market_a_id ON market_pairs (market_a_id);
CREATE INDEX ix_market_pairs_market_b_id ON market_pairs (market_b_id);
CREATE INDEX ix_market_pairs_verdict_updated_ns_id ON market_pairs (verdict, updated_ns DESC, id);

CREATE TABLE market_pair_history (
    entry_id BIGINT GENERATED ALWAYS AS IDENTITY,
    pair_id TEXT NOT NULL,
    verdict TEXT NOT NULL,
    polarity TEXT NOT NULL,
    rules_hash_a TEXT NOT NULL,
    rules_hash_b TEXT NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    at_ns BIGINT NOT NULL,
    CONSTRAINT market_pair_history_pkey PRIMARY KEY (entry_id)
);
CREATE INDEX ix_market_pair_history_pair_id ON market_pair_history (pair_id);

CREATE TABLE pair_set (
    id SMALLINT NOT NULL,
    version BIGINT NOT NULL,
    CONSTRAINT pair_set_pkey PRIMARY KEY (id),
    CONSTRAINT ck_pair_set_one_row CHECK (id = 1)
);

CREATE TABLE pair_proofs (
    pair_id TEXT NOT NULL,
    at_ns BIGINT NOT NULL,
    CONSTRAINT pair_proofs_pkey PRIMARY KEY (pair_id)
);

CREATE TABLE orderbooks (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    market_id TEXT NOT NULL,
    ts_ns BIGINT NOT NULL,
    bid_px_micros BIGINT,
    bid_sz_micros BIGINT,
    ask_px_micros BIGINT,
    ask_sz_micros BIGINT,
    lvl2 JSONB DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT orderbooks_pkey PRIMARY KEY (market_id, ts_ns)
);
CREATE INDEX ix_orderbooks_ts_ns ON orderbooks (ts_ns);

CREATE TABLE edges (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    pair_id TEXT NOT NULL,
    ts_ns BIGINT NOT NULL,
    net_edge_micros BIGINT,
    qty_micros BIGINT,
    package TEXT,
    leader TEXT,
    signal_conf_ppm BIGINT,
    fee_rev_hash TEXT DEFAULT '' NOT NULL,
    friction_hash TEXT DEFAULT '' NOT NULL,
    breakdown JSONB DEFAULT '{}'::jsonb NOT NULL,
    gate TEXT,
    config_version BIGINT,
    CONSTRAINT edges_pkey PRIMARY KEY (pair_id, ts_ns)
);
CREATE INDEX ix_edges_ts_ns ON edges (ts_ns);

CREATE TABLE packages (
    package_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    kind TEXT NOT NULL,
    parent_id TEXT,
    pair_id TEXT NOT NULL,
    pair_name TEXT NOT NULL,
    state TEXT NOT NULL,
    polarity TEXT NOT NULL,
    market_a TEXT NOT NULL,
    market_b TEXT NOT NULL,
    outcome_a TEXT NOT NULL,
    outcome_b TEXT NOT NULL,
    leg_first SMALLINT NOT NULL,
    qty_micros BIGINT NOT NULL,
    qty_max_micros BIGINT NOT NULL,
    entry_edge_micros BIGINT,
    expected_usd_micros BIGINT,
    realised_usd_micros BIGINT,
    breakdown JSONB DEFAULT '{}'::jsonb NOT NULL,
    versions JSONB DEFAULT '{}'::jsonb NOT NULL,
    envelope JSONB DEFAULT '{}'::jsonb NOT NULL,
    mode TEXT NOT NULL,
    is_probe BOOLEAN DEFAULT false NOT NULL,
    unhedged_max_usd_micros BIGINT DEFAULT 0 NOT NULL,
    unhedged_ms BIGINT DEFAULT 0 NOT NULL,
    created_wall_ns BIGINT NOT NULL,
    updated_wall_ns BIGINT NOT NULL,
    ended_wall_ns BIGINT,
    settle_worst_ns BIGINT,
    void_reason TEXT,
    fencing BIGINT NOT NULL,
    CONSTRAINT packages_pkey PRIMARY KEY (package_id),
    CONSTRAINT ck_packages_kind_known CHECK (kind IN ('normal', 'repair', 'exit')),
    CONSTRAINT ck_packages_leg_first_known CHECK (leg_first IN (0, 1)),
    CONSTRAINT ck_packages_qty_not_negative CHECK (qty_micros >= 0 AND qty_max_micros >= 0)
);
CREATE INDEX ix_packages_created ON packages (created_wall_ns DESC, package_id DESC);
CREATE INDEX ix_packages_ended ON packages (ended_wall_ns);
CREATE INDEX ix_packages_number ON packages (number);
CREATE INDEX ix_packages_open ON packages (package_id) WHERE ended_wall_ns IS NULL;
CREATE INDEX ix_packages_pair_id ON packages (pair_id);

CREATE TABLE orders (
    attempt_id TEXT NOT NULL,
    package_id TEXT NOT NULL,
    leg SMALLINT NOT NULL,
    purpose TEXT NOT NULL,
    attempt SMALLINT NOT NULL,
    venue TEXT NOT NULL,
    market_id TEXT NOT NULL,
    outcome TEXT NOT NULL,
    side TEXT NOT NULL,
    px_limit_micros BIGINT,
    qty_micros BIGINT,
    qty_max_micros BIGINT,
    budget_usd_micros BIGINT,
    tif TEXT,
    reduce_only BOOLEAN DEFAULT false NOT NULL,
    is_opening BOOLEAN DEFAULT false NOT NULL,
    shard SMALLINT DEFAULT 0 NOT NULL,
    state TEXT NOT NULL,
    order_id TEXT,
    order_hash TEXT,
    cum_qty_micros BIGINT,
    cost_usd_micros BIGINT,
    touch_px_micros BIGINT,
    ts_decided_ns BIGINT,
    ts_sent_ns BIGINT,
    ts_ack_ns BIGINT,
    reason TEXT,
    CONSTRAINT orders_pkey PRIMARY KEY (attempt_id),
    CONSTRAINT ck_orders_outcome_known CHECK (outcome IN ('yes', 'no')),
    CONSTRAINT ck_orders_side_known CHECK (side IN ('buy', 'sell'))
);
CREATE INDEX ix_orders_decided ON orders (ts_decided_ns DESC, attempt_id DESC);
CREATE INDEX ix_orders_order_id ON orders (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX ix_orders_package_id ON orders (package_id);

CREATE TABLE fills (
    fill_key TEXT NOT NULL,
    venue TEXT NOT NULL,
    trade_id TEXT NOT NULL,
    order_id TEXT NOT NULL,
    attempt_id TEXT,
    package_id TEXT,
    pair_id TEXT,
    leg SMALLINT,
    purpose TEXT,
    market_id TEXT NOT NULL,
    outcome TEXT NOT NULL,
    side TEXT NOT NULL,
    px_micros BIGINT NOT NULL,
    qty_micros BIGINT NOT NULL,
    fee_usd_micros BIGINT NOT NULL,
    cost_usd_micros BIGINT NOT NULL,
    liquidity TEXT NOT NULL,
    ts_fill_ns BIGINT NOT NULL,
    is_final BOOLEAN DEFAULT false NOT NULL,
    slippage_micros BIGINT,
    ts_recorded_ns BIGINT NOT NULL,
    CONSTRAINT fills_pkey PRIMARY KEY (fill_key),
    CONSTRAINT ck_fills_outcome_known CHECK (outcome IN ('yes', 'no')),
    CONSTRAINT ck_fills_side_known CHECK (side IN ('buy', 'sell')),
    CONSTRAINT ck_fills_px_in_dollar CHECK (px_micros BETWEEN 0 AND 1000000),
    CONSTRAINT ck_fills_qty_positive CHECK (qty_micros > 0)
);
CREATE INDEX ix_fills_newest ON fills (ts_fill_ns DESC, fill_key DESC);
CREATE INDEX ix_fills_package_id ON fills (package_id);

CREATE TABLE fill_states (
    fill_key TEXT NOT NULL,
    state TEXT NOT NULL,
    ts_ns BIGINT NOT NULL,
    CONSTRAINT fill_states_pkey PRIMARY KEY (fill_key, state),
    CONSTRAINT ck_fill_states_state_known CHECK (state IN ('provisional', 'confirmed', 'failed'))
);

CREATE TABLE positions (
    venue TEXT NOT NULL,
    market_id TEXT NOT NULL,
    qty_yes_micros BIGINT NOT NULL,
    qty_no_micros BIGINT NOT NULL,
    avg_px_yes_micros BIGINT,
    avg_px_no_micros BIGINT,
    updated_wall_ns BIGINT NOT NULL,
    CONSTRAINT positions_pkey PRIMARY KEY (venue, market_id)
);

CREATE TABLE ledger_postings (
    posting_id TEXT NOT NULL,
    txn_id TEXT NOT NULL,
    account TEXT NOT NULL,
    usd_micros BIGINT NOT NULL,
    kind TEXT NOT NULL,
    ref TEXT NOT NULL,
    package_id TEXT,
    wall_ns BIGINT NOT NULL,
    CONSTRAINT ledger_postings_pkey PRIMARY KEY (posting_id)
);
CREATE INDEX ix_ledger_postings_account ON ledger_postings (account);
CREATE INDEX ix_ledger_postings_package_id ON ledger_postings (package_id);
CREATE INDEX ix_ledger_postings_txn_id ON ledger_postings (txn_id);
CREATE INDEX ix_ledger_postings_wall_ns ON ledger_postings (wall_ns);

CREATE TABLE payouts (
    reference TEXT NOT NULL,
    venue TEXT NOT NULL,
    market_id TEXT NOT NULL,
    payout_micros BIGINT NOT NULL,
    qty_yes_micros BIGINT NOT NULL,
    qty_no_micros BIGINT NOT NULL,
    cash_usd_micros BIGINT NOT NULL,
    venue_ts_ns BIGINT NOT NULL,
    posted_wall_ns BIGINT NOT NULL,
    CONSTRAINT payouts_pkey PRIMARY KEY (reference)
);
CREATE INDEX ix_payouts_posted_wall_ns ON payouts (posted_wall_ns);

CREATE TABLE decisions (
    event_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    wall_ns BIGINT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    package_id TEXT,
    verdict TEXT NOT NULL,
    reason TEXT NOT NULL,
    params JSONB DEFAULT '{}'::jsonb NOT NULL,
    versions JSONB DEFAULT '{}'::jsonb NOT NULL,
    severity TEXT,
    CONSTRAINT decisions_pkey PRIMARY KEY (event_id)
);
CREATE INDEX ix_decisions_newest ON decisions (wall_ns DESC, event_id DESC);
CREATE INDEX ix_decisions_package_id ON decisions (package_id);

CREATE TABLE divergences (
    divergence_id TEXT NOT NULL,
    pair_id TEXT NOT NULL,
    package_id TEXT,
    market_a TEXT NOT NULL,
    market_b TEXT NOT NULL,
    payout_a_micros BIGINT NOT NULL,
    payout_b_micros BIGINT NOT NULL,
    category TEXT DEFAULT '' NOT NULL,
    series_id TEXT DEFAULT '' NOT NULL,
    settlement_source TEXT DEFAULT '' NOT NULL,
    loss_usd_micros BIGINT,
    detected_ns BIGINT NOT NULL,
    note TEXT DEFAULT '' NOT NULL,
    CONSTRAINT divergences_pkey PRIMARY KEY (divergence_id)
);
CREATE INDEX ix_divergences_pair_id ON divergences (pair_id);

CREATE TABLE configs (
    version BIGINT NOT NULL,
    base_version BIGINT NOT NULL,
    ts_ns BIGINT NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    document JSONB DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT configs_pkey PRIMARY KEY (version)
);

CREATE TABLE fencing (
    id SMALLINT NOT NULL,
    number BIGINT NOT NULL,
    holder TEXT NOT NULL,
    versions JSONB DEFAULT '{}'::jsonb NOT NULL,
    taken_wall_ns BIGINT NOT NULL,
    CONSTRAINT fencing_pkey PRIMARY KEY (id),
    CONSTRAINT ck_fencing_one_row CHECK (id = 1)
);

CREATE TABLE fencing_history (
    number BIGINT NOT NULL,
    holder TEXT NOT NULL,
    versions JSONB DEFAULT '{}'::jsonb NOT NULL,
    taken_wall_ns BIGINT NOT NULL,
    CONSTRAINT fencing_history_pkey PRIMARY KEY (number)
);

CREATE TABLE control_log (
    entry_id BIGINT GENERATED ALWAYS AS IDENTITY,
    command_id TEXT,
    kind TEXT NOT NULL,
    scope TEXT DEFAULT '' NOT NULL,
    reason TEXT DEFAULT '' NOT NULL,
    actor TEXT NOT NULL,
    issued_at_ns BIGINT NOT NULL,
    expires_at_ns BIGINT,
    payload JSONB DEFAULT '{}'::jsonb NOT NULL,
    note TEXT DEFAULT '' NOT NULL,
    CONSTRAINT control_log_pkey PRIMARY KEY (entry_id),
    CONSTRAINT control_log_command_id_key UNIQUE (command_id)
);

CREATE TABLE halts (
    halt_id BIGINT GENERATED ALWAYS AS IDENTITY,
    scope TEXT NOT NULL,
    reason TEXT NOT NULL,
    actor TEXT NOT NULL,
    since_wall_ns BIGINT NOT NULL,
    is_freeze BOOLEAN DEFAULT false NOT NULL,
    note TEXT DEFAULT '' NOT NULL,
    lifted_wall_ns BIGINT,
    lifted_by TEXT,
    lift_note TEXT,
    CONSTRAINT halts_pkey PRIMARY KEY (halt_id)
);
CREATE UNIQUE INDEX ux_halts_in_force ON halts (scope, reason) WHERE lifted_wall_ns IS NULL;

CREATE TABLE backtest_runs (
    run_id TEXT NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    actor TEXT NOT NULL,
    requested_ns BIGINT NOT NULL,
    started_ns BIGINT,
    finished_ns BIGINT,
    parameters JSONB DEFAULT '{}'::jsonb NOT NULL,
    assumptions JSONB DEFAULT '[]'::jsonb NOT NULL,
    result JSONB,
    artefact TEXT DEFAULT '' NOT NULL,
    CONSTRAINT backtest_runs_pkey PRIMARY KEY (run_id)
);
CREATE INDEX ix_backtest_runs_newest ON backtest_runs (requested_ns DESC, run_id DESC);
