-- Tables of the optional signals that ImageHash computes.

CREATE TABLE hash_dhash (
    sha256 bytea PRIMARY KEY,
    hash   bytea NOT NULL CHECK (octet_length(hash) = 8)
);
CREATE TABLE hash_ahash (
    sha256 bytea PRIMARY KEY,
    hash   bytea NOT NULL CHECK (octet_length(hash) = 8)
);
CREATE TABLE hash_whash (
    sha256 bytea PRIMARY KEY,
    hash   bytea NOT NULL CHECK (octet_length(hash) = 8)
);
CREATE TABLE hash_colorhash (
    sha256 bytea PRIMARY KEY,
    hash   bytea NOT NULL CHECK (octet_length(hash) = 8)
);
CREATE INDEX hash_dhash_by_hash ON hash_dhash (hash);
CREATE INDEX hash_ahash_by_hash ON hash_ahash (hash);
CREATE INDEX hash_whash_by_hash ON hash_whash (hash);
CREATE INDEX hash_colorhash_by_hash ON hash_colorhash (hash);
