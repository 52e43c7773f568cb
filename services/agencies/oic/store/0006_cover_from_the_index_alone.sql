-- A check of a vehicle is answered from these alone: whether there is a row to look at is not to be felt.
CREATE INDEX policy_cover_chassis ON policy (chassis, class, until_at, start_at);
CREATE INDEX policy_cover_plate ON policy (plate_key, province, class, until_at, start_at);
DROP INDEX policy_chassis;
DROP INDEX policy_plate;
