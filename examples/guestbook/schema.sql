CREATE TABLE entries (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    author text NOT NULL,
    text text NOT NULL,
    likes integer NOT NULL DEFAULT 0,
    signed_at timestamptz NOT NULL DEFAULT now()
);
