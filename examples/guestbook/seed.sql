INSERT INTO entries (author, text, signed_at)
SELECT 'guest-' || number, repeat('A line of a guest. ', 1 + number % 20),
    timestamptz '2024-01-01 00:00:00+00' + number * interval '1 minute'
FROM generate_series(1, 5000) AS number;
