"""What every room stands on and no room is about: settings, database, clock, money, ids, errors, crypto, texts."""
