CREATE TABLE IF NOT EXISTS documents (
  id INTEGER PRIMARY KEY,
  path TEXT NOT NULL UNIQUE,          -- where it was read; `runbooks/<slug>.md` for the shipped ones
  root TEXT NOT NULL,                 -- the PATH it was found under
  title TEXT NOT NULL,
  trust TEXT NOT NULL,                -- shipped | user | objects | incidents
  sha TEXT NOT NULL                   -- of the source bytes and the splitter's version
);
CREATE TABLE IF NOT EXISTS chunks (
  id INTEGER PRIMARY KEY,
  document INTEGER NOT NULL REFERENCES documents(id) ON DELETE CASCADE,
  ordinal INTEGER NOT NULL,
  heading TEXT NOT NULL,
  text TEXT NOT NULL,                 -- redacted
  line INTEGER NOT NULL,
  sha TEXT NOT NULL,                  -- of the label and what the embedding model reads: title, heading, text
  label TEXT NOT NULL                 -- who wrote the text: a Source of guardrails.provenance
);
CREATE TABLE IF NOT EXISTS needs (    -- what one must be able to get to be shown a section; none: anybody may see it
  chunk INTEGER NOT NULL REFERENCES chunks(id) ON DELETE CASCADE,
  cluster TEXT NOT NULL,
  resource TEXT NOT NULL,             -- plural.group
  namespace TEXT NOT NULL             -- empty for cluster-scoped kinds
);
CREATE INDEX IF NOT EXISTS needs_chunk ON needs(chunk);
CREATE INDEX IF NOT EXISTS chunks_document ON chunks(document);
CREATE INDEX IF NOT EXISTS chunks_sha ON chunks(sha);
CREATE VIRTUAL TABLE IF NOT EXISTS chunks_fts USING fts5(title, heading, body, tokenize = 'porter unicode61 remove_diacritics 2');
CREATE VIRTUAL TABLE IF NOT EXISTS chunks_grams USING fts5(head, body, tokenize = 'trigram', detail = 'none', columnsize = 1);
CREATE TABLE IF NOT EXISTS embeddings (
  sha TEXT NOT NULL,
  model TEXT NOT NULL,
  vector BLOB NOT NULL,               -- little-endian float32, length 1
  PRIMARY KEY (sha, model)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
