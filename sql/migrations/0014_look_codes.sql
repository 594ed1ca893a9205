-- What the compact list of trusted looks has of each look, computed once; and the key that signs the list.
CREATE TABLE look_codes (
    look_id bigint PRIMARY KEY REFERENCES looks (id) ON DELETE CASCADE,
    codes   bytea NOT NULL                   -- PDQ and colours of each form (extension_api/compact.py)
);
INSERT INTO service_keys (name, value)
VALUES ('lists', sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())));
