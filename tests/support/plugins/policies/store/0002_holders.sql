CREATE INDEX policy_holder ON policy (holder);
