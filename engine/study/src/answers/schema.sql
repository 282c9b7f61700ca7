CREATE TABLE about (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  study TEXT NOT NULL,
  reader TEXT NOT NULL
);
CREATE TABLE events (
  seq INTEGER PRIMARY KEY,
  body TEXT NOT NULL,
  hash TEXT NOT NULL
);
CREATE TRIGGER about_stays BEFORE UPDATE ON about BEGIN SELECT RAISE(ABORT, 'answers are never changed, only added to'); END;
CREATE TRIGGER about_is_kept BEFORE DELETE ON about BEGIN SELECT RAISE(ABORT, 'answers are never deleted'); END;
CREATE TRIGGER about_once BEFORE INSERT ON about WHEN (SELECT count(*) FROM about) > 0
  BEGIN SELECT RAISE(ABORT, 'answers are never changed, only added to'); END;
CREATE TRIGGER events_stay BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'answers are never changed, only added to'); END;
CREATE TRIGGER events_are_kept BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'answers are never deleted'); END;
CREATE TRIGGER events_in_order BEFORE INSERT ON events
  WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM events)
  BEGIN SELECT RAISE(ABORT, 'answers are only added at the end'); END;
CREATE VIEW answers AS
  SELECT json_extract(e.body, '$.event.trial') AS trial,
         json_extract(e.body, '$.event.values') AS answer,
         json_extract(e.body, '$.wall_ms') AS wall_ms
  FROM events e
  WHERE e.seq IN (
    SELECT max(seq) FROM events
    WHERE json_extract(body, '$.event.kind') IN ('locked', 'changed')
    GROUP BY json_extract(body, '$.event.trial'))
  ORDER BY trial;
