CREATE TABLE IF NOT EXISTS users (
  id            INTEGER PRIMARY KEY AUTOINCREMENT, -- never given to somebody else, as a login may outlive its user
  username      TEXT    NOT NULL UNIQUE COLLATE NOCASE CHECK (username <> ''),
  password_hash BLOB,                              -- NULL: signed up through a provider
  created       INTEGER NOT NULL                   -- all times are milliseconds since 1970
) STRICT;

CREATE TABLE IF NOT EXISTS accounts (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,
  user_id      INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  provider     TEXT    NOT NULL CHECK (provider <> ''),
  subject      TEXT    NOT NULL CHECK (subject <> ''), -- the provider's own id of the account, which never changes
  label        TEXT    NOT NULL,
  avatar       TEXT    NOT NULL,
  connected_at INTEGER NOT NULL,
  updated_at   INTEGER NOT NULL,
  UNIQUE (provider, subject)
) STRICT;

CREATE INDEX IF NOT EXISTS accounts_of_user ON accounts (user_id);
