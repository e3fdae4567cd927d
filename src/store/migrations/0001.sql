-- Instants are microseconds since 1970 (UTC). Identifiers of results, runs and changes are UUIDs, version 7.

CREATE TABLE run (
  id         TEXT PRIMARY KEY,
  principal  TEXT NOT NULL,
  way        TEXT NOT NULL,
  command    TEXT NOT NULL,
  site       TEXT NOT NULL,
  started_at BIGINT NOT NULL,
  ended_at   BIGINT,
  baseline   TEXT
);
CREATE INDEX run_started ON run (started_at);

-- A pool and a receiver that are tested again and again. The number is a hash of the three names.
CREATE TABLE pair (
  id         BIGINT PRIMARY KEY,
  test       TEXT NOT NULL,
  pool       TEXT NOT NULL,
  receiver   TEXT NOT NULL,
  state      TEXT NOT NULL,
  since      BIGINT NOT NULL,
  code       TEXT,
  owner      TEXT,
  seen_from  TEXT
);

-- What one site sees of a pair.
CREATE TABLE site_state (
  pair            BIGINT NOT NULL REFERENCES pair (id),
  site            TEXT NOT NULL,
  state           TEXT NOT NULL,
  since           BIGINT NOT NULL,
  streak          BIGINT NOT NULL,
  recent          TEXT NOT NULL,
  code            TEXT,
  owner           TEXT,
  last_result     TEXT NOT NULL,
  last_started_at BIGINT NOT NULL,
  last_at         BIGINT NOT NULL,
  last_success_at BIGINT,
  period          BIGINT NOT NULL,
  PRIMARY KEY (pair, site)
);

CREATE TABLE result (
  id              TEXT PRIMARY KEY,
  run             TEXT,
  pair            BIGINT NOT NULL REFERENCES pair (id),
  site            TEXT NOT NULL,
  watcher         TEXT,
  lease           BIGINT,
  started_at      BIGINT NOT NULL,
  recorded_at     BIGINT NOT NULL,
  outcome         TEXT NOT NULL,
  evidence        TEXT,
  code            TEXT,
  owner           TEXT,
  latency         BIGINT,
  elapsed         BIGINT NOT NULL,
  certificate_end BIGINT,
  late            BIGINT NOT NULL,
  report          TEXT NOT NULL
);
CREATE INDEX result_pair ON result (pair, started_at);
CREATE INDEX result_run ON result (run);
CREATE INDEX result_started ON result (started_at);

-- A state that turned. site is empty for the verdict of all sites.
CREATE TABLE change (
  id         TEXT PRIMARY KEY,
  pair       BIGINT NOT NULL REFERENCES pair (id),
  from_state TEXT NOT NULL,
  to_state   TEXT NOT NULL,
  at         BIGINT NOT NULL,
  lasted     BIGINT NOT NULL,
  result     TEXT,
  code       TEXT,
  owner      TEXT,
  seen_from  TEXT,
  diagnosis  TEXT
);
CREATE INDEX change_pair ON change (pair, at);
CREATE INDEX change_at ON change (at);

-- The outbox: who is still to be told of a change.
CREATE TABLE notice (
  change       TEXT NOT NULL REFERENCES change (id),
  channel      TEXT NOT NULL,
  kind         TEXT NOT NULL,
  n            BIGINT NOT NULL,
  batch        TEXT NOT NULL,
  due_at       BIGINT NOT NULL,
  attempts     BIGINT NOT NULL,
  leased_until BIGINT NOT NULL,
  done_at      BIGINT,
  fault        TEXT,
  PRIMARY KEY (change, channel, kind, n)
);
CREATE INDEX notice_due ON notice (channel, done_at, due_at);

-- Counts and latencies of a pair at a site in an hour or a day; buckets are "number:count,…".
CREATE TABLE rollup (
  span       TEXT NOT NULL,
  start      BIGINT NOT NULL,
  pair       BIGINT NOT NULL REFERENCES pair (id),
  site       TEXT NOT NULL,
  tests      BIGINT NOT NULL,
  successes  BIGINT NOT NULL,
  flaky      BIGINT NOT NULL,
  buckets    TEXT NOT NULL,
  PRIMARY KEY (span, start, pair, site)
);
CREATE INDEX rollup_pair ON rollup (pair, span, start);

-- When a pair is to be tested next, and by which site; vantage is a site, or 'any'.
CREATE TABLE schedule (
  pair         BIGINT NOT NULL REFERENCES pair (id),
  vantage      TEXT NOT NULL,
  watch        TEXT NOT NULL,
  planner      TEXT NOT NULL,
  account      TEXT NOT NULL,
  period       BIGINT NOT NULL,
  raise_after  BIGINT NOT NULL,
  clear_after  BIGINT NOT NULL,
  due_at       BIGINT NOT NULL,
  leased_until BIGINT NOT NULL,
  lease        BIGINT NOT NULL,
  holder       TEXT,
  PRIMARY KEY (pair, vantage)
);
CREATE INDEX schedule_due ON schedule (vantage, due_at);

-- A running watcher; seen_at is its heartbeat.
CREATE TABLE watcher (
  id         TEXT PRIMARY KEY,
  site       TEXT NOT NULL,
  version    TEXT NOT NULL,
  topology   TEXT NOT NULL,
  started_at BIGINT NOT NULL,
  seen_at    BIGINT NOT NULL,
  blind      TEXT,
  skew       BIGINT NOT NULL
);

-- A limit that holds over all watchers: at most so many rows of a scope whose lease runs.
CREATE TABLE slot (
  scope        TEXT NOT NULL,
  n            BIGINT NOT NULL,
  leased_until BIGINT NOT NULL,
  holder       TEXT NOT NULL,
  PRIMARY KEY (scope, n)
);

-- A test that a person at another site has asked for.
CREATE TABLE request (
  id           TEXT PRIMARY KEY,
  site         TEXT NOT NULL,
  arguments    TEXT NOT NULL,
  asked_by     TEXT NOT NULL,
  asked_at     BIGINT NOT NULL,
  leased_until BIGINT NOT NULL,
  holder       TEXT,
  answer       TEXT,
  answered_at  BIGINT
);
