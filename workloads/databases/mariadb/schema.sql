-- The one schema of every service. The other constraints follow the rows: see constraints.sql.
-- InnoDB keeps a table in the order of its primary key, so that key comes first. nopad: a blank at
-- the end of a text counts, as in the contract.
CREATE TABLE users (
    id integer NOT NULL AUTO_INCREMENT PRIMARY KEY,
    username varchar(50) NOT NULL,
    email varchar(100) NOT NULL,
    profile mediumtext NOT NULL,
    created_at datetime NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

CREATE TABLE orders (
    id integer NOT NULL AUTO_INCREMENT PRIMARY KEY,
    user_id integer NOT NULL,
    total integer NOT NULL,
    status varchar(20) NOT NULL,
    created_at datetime NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
