-- Built once after the rows are in, which is quicker than keeping them up row by row.
ALTER TABLE users
    ADD UNIQUE KEY users_username_key (username),
    ADD UNIQUE KEY users_email_key (email);

ALTER TABLE orders ADD KEY orders_user_id_idx (user_id);

ALTER TABLE orders
    ADD CONSTRAINT orders_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id);
