-- Step 1 of the library's schema. Times are milliseconds since 1970, UTC.

-- What was asked for, each once: JSON of the request with seed 0, found by its hash.
CREATE TABLE requests (
  id   INTEGER PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE,
  json TEXT NOT NULL
);

-- The queue. Rows are never deleted, so what went in can be counted against what came out.
CREATE TABLE jobs (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  grp         INTEGER NOT NULL,             -- jobs that were asked for together share it
  position    REAL    NOT NULL,             -- order in the queue, smaller first
  state       TEXT    NOT NULL CHECK (state IN ('waiting', 'running', 'paused', 'done', 'cancelled', 'failed')),
  rev         INTEGER NOT NULL DEFAULT 0,   -- counts changes of the row: of two copies, the higher is newer
  created_ms  INTEGER NOT NULL,
  started_ms  INTEGER,
  ended_ms    INTEGER,
  name        TEXT    NOT NULL,             -- of the case
  request     INTEGER NOT NULL REFERENCES requests (id),
  seed        INTEGER NOT NULL,             -- the bits of an unsigned number
  steps       INTEGER NOT NULL,             -- in all
  model_hash  TEXT    NOT NULL,             -- the model it was asked for; empty for any
  relation    TEXT    NOT NULL DEFAULT '',  -- to its parent: fork, twin, variant, retry, edit, cell
  parent_run  INTEGER REFERENCES runs (id),
  parent_step INTEGER,                      -- a fork's step, from 1
  recipe      TEXT    NOT NULL DEFAULT '',  -- the grid or data set it belongs to
  cell        TEXT    NOT NULL DEFAULT '',  -- its place in it
  rule        TEXT    NOT NULL DEFAULT '',  -- JSON: what happens with the results of its group
  attempt     INTEGER NOT NULL DEFAULT 1,   -- of a rule that retries
  steps_done  INTEGER NOT NULL DEFAULT 0,   -- when it was paused or ended
  spent_secs  REAL    NOT NULL DEFAULT 0,   -- on the steps before it was paused
  reason      TEXT    NOT NULL DEFAULT '',  -- why it waits or failed, one sentence
  state_file  TEXT    NOT NULL DEFAULT '',  -- where a paused run is kept, relative to the library's folder
  run         INTEGER REFERENCES runs (id)  -- what came out
);
CREATE INDEX jobs_by_state ON jobs (state, position);
CREATE INDEX jobs_by_group ON jobs (grp);
CREATE INDEX jobs_by_recipe ON jobs (recipe, cell) WHERE recipe <> '';

-- Every image that was made or imported.
CREATE TABLE runs (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  job         INTEGER UNIQUE REFERENCES jobs (id),
  created_ms  INTEGER NOT NULL,
  name        TEXT    NOT NULL,
  file        TEXT    NOT NULL UNIQUE,      -- the PNG, relative to the library's folder or absolute
  impression  TEXT    NOT NULL,
  seed        INTEGER NOT NULL,             -- the bits of an unsigned number
  steps       INTEGER NOT NULL,
  steps_ran   INTEGER NOT NULL,
  guidance    REAL    NOT NULL,
  sampler     TEXT    NOT NULL,
  preset      TEXT    NOT NULL,
  size_px     INTEGER NOT NULL,
  model_name  TEXT    NOT NULL,
  model_hash  TEXT    NOT NULL,
  image_hash  TEXT    NOT NULL,
  secs        REAL    NOT NULL,
  edited      INTEGER NOT NULL DEFAULT 0,   -- 1: a region of a real image was changed
  mark        TEXT    NOT NULL DEFAULT '',  -- star, reject
  note        TEXT    NOT NULL DEFAULT '',
  adherence   REAL,                         -- the least of its layers; NULL where none was measured
  measures    TEXT    NOT NULL DEFAULT '',  -- JSON, one a layer
  conflict    INTEGER NOT NULL DEFAULT 0,   -- 1: text and layers disagreed and were kept so
  verified    TEXT    NOT NULL DEFAULT '',  -- equal, different, or empty
  relation    TEXT    NOT NULL DEFAULT '',
  parent_run  INTEGER REFERENCES runs (id),
  parent_step INTEGER,
  recipe      TEXT    NOT NULL DEFAULT '',
  cell        TEXT    NOT NULL DEFAULT ''
);
CREATE INDEX runs_by_time ON runs (created_ms);
CREATE INDEX runs_by_parent ON runs (parent_run);
CREATE INDEX runs_by_recipe ON runs (recipe, cell);

-- The layers of a run, for facets.
CREATE TABLE run_findings (
  run     INTEGER NOT NULL REFERENCES runs (id),
  finding TEXT    NOT NULL,                 -- a name of engine::domain::Finding
  side    TEXT    NOT NULL,                 -- right, left, both
  kind    TEXT    NOT NULL                  -- mask, box
);
CREATE INDEX run_findings_by_run ON run_findings (run);
CREATE INDEX run_findings_by_finding ON run_findings (finding, side, run);

-- Small pictures of the wall, 8-bit PNG.
CREATE TABLE thumbs (run INTEGER PRIMARY KEY REFERENCES runs (id), png BLOB NOT NULL);

-- Words to search for.
CREATE VIRTUAL TABLE run_words USING fts5 (name, impression, note, content = 'runs', content_rowid = 'id');
CREATE TRIGGER runs_words_added AFTER INSERT ON runs BEGIN
  INSERT INTO run_words (rowid, name, impression, note) VALUES (new.id, new.name, new.impression, new.note);
END;
CREATE TRIGGER runs_words_changed AFTER UPDATE OF name, impression, note ON runs BEGIN
  INSERT INTO run_words (run_words, rowid, name, impression, note) VALUES ('delete', old.id, old.name, old.impression, old.note);
  INSERT INTO run_words (rowid, name, impression, note) VALUES (new.id, new.name, new.impression, new.note);
END;
