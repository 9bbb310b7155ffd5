CREATE TABLE IF NOT EXISTS users (
  id            INTEGER PRIMARY KEY AUTOINCREMENT, -- never given to somebody else, as a login may outlive its user
  username      TEXT    NOT NULL UNIQUE COLLATE NOCASE CHECK (username <> ''),
  password_hash BLOB,                              -- NULL: signed up through a provider
  created       INTEGER NOT NULL                   -- all times are milliseconds since 1970
) STRICT;
